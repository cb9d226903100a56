#pragma once
#include <stdbool.h>
#include <stdint.h>

/// How many bytes the calling thread has asked the allocator for since it began. Nothing is taken off for what is freed,
/// so that a copy that is thrown away at once counts, too.
uint64_t allocated_bytes(void);

/// Whether anything is counted: not under a sanitizer, which has an allocator of its own.
bool counts_allocations(void);
