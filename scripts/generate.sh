#!/usr/bin/env bash
# generate.sh write|check: generates or checks Sources/Wire/Generated from Sources/Wire/Proto, with Debian's protoc and the
# plugin of the swift-protobuf version in Package.swift, and the web client's types of the wire, with wire-types.mjs.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=scripts/test-tools.sh
source scripts/test-tools.sh

readonly schema=Sources/Wire/Proto generated=Sources/Wire/Generated plugin_build=.build/protoc-gen-swift
# google/protobuf/timestamp.proto and its like, as the runtime knows them.
readonly known_types=.build/checkouts/swift-protobuf/Protos/Sources/SwiftProtobuf

build_plugin() {
    say "Building protoc-gen-swift. The first time takes about 2 minutes on 2 cores."
    swift package resolve
    swift build --package-path .build/checkouts/swift-protobuf --scratch-path "$plugin_build" --product protoc-gen-swift
}

generate_into() {
    protoc --plugin=protoc-gen-swift="$plugin_build/debug/protoc-gen-swift" \
        --proto_path="$schema" --proto_path="$known_types" \
        --swift_out="$1" --swift_opt=Visibility=Public,UseAccessLevelOnImports=true "$schema"/*.proto
}

check() {
    fresh=$(mktemp -d)
    trap 'rm -rf "$fresh"' EXIT
    generate_into "$fresh"
    diff -r "$fresh" "$generated" || fail "$generated does not match the schema: run make generate"
    say "$generated is up to date."
}

case ${1:-} in
    write | check) ;;
    *) fail "usage: generate.sh write|check" ;;
esac
need_packages "to read the wire schema" protobuf-compiler
need_build_packages
need_swift
need_python_environment
build_plugin
node scripts/wire-types.mjs "$1"
if [[ $1 == write ]]; then
    rm -f "$generated"/*.pb.swift
    generate_into "$generated"
else
    check
fi
