#include "CAllocations.h"

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define HAS_OWN_ALLOCATOR 1
#endif
#endif

#if defined(__GLIBC__) && !defined(HAS_OWN_ALLOCATOR)

// In a test executable these take the place of glibc's own, for every library in the process. Memory still comes from
// glibc, and goes back to it.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

// Its place is known when the program is loaded: any other model might allocate to find it.
static _Thread_local __attribute__((tls_model("initial-exec"))) uint64_t allocated;

void *malloc(size_t size) {
    allocated += size;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    allocated += count * size;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    allocated += size;
    return __libc_realloc(memory, size);
}

uint64_t allocated_bytes(void) { return allocated; }
bool counts_allocations(void) { return true; }

#else

uint64_t allocated_bytes(void) { return 0; }
bool counts_allocations(void) { return false; }

#endif
