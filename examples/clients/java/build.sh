#!/bin/sh
# Builds one jar without a dependency: sh build.sh [folder]. Needs a JDK of 17 or newer, and nothing else.
set -e
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/build}
mkdir -p "$out/classes"
javac -Xlint:all,-serial -Werror -encoding UTF-8 --release 17 -d "$out/classes" "$here"/src/fronttcp/*.java
jar --create --file "$out/fronttcp.jar" --main-class fronttcp.Main -C "$out/classes" .
echo "$out/fronttcp.jar"
