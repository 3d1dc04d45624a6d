#!/usr/bin/env bash
# Makes a copy of Millrace for machines that have nothing: its own Java runtime (jlink), the server's
# jars and the launcher, which there only starts. Dockerfile.cuda puts what this makes into an image.
#
#   deploy/assemble.sh FOLDER    a folder that does not exist yet, or is empty
#   JAVA_HOME                    a JDK 25
#   MILLRACE_COMMIT              what the sources are of, where git cannot say
#
# The server must have been built: mvn -DskipTests package
set -euo pipefail

# What the server and its libraries use: vectors for the kernels, SQL for the ledger, HTTP for pulls.
# java.desktop is not among them: libraries look for its beans and do without.
modules=java.instrument,java.naming,java.net.http,java.security.jgss,java.sql
modules=$modules,jdk.incubator.vector,jdk.management,jdk.unsupported

fail() {
  printf 'assemble: %s\n' "$*" >&2
  exit 1
}

[ $# -eq 1 ] || fail "name the folder to make, and nothing else"
folder=$1
root=$(cd "$(dirname "$0")/.." && pwd -P)
[ -x "${JAVA_HOME:-}/bin/jlink" ] && grep -q '^JAVA_VERSION="25' "$JAVA_HOME/release" ||
  fail "JAVA_HOME must be a JDK 25 with jlink, but is '${JAVA_HOME:-}'"
[ ! -e "$folder" ] || [ -z "$(ls -A "$folder")" ] || fail "$folder is there already and not empty"

jars=()
for jar in "$root"/server/target/millrace-server-*.jar; do
  case $jar in
    *-tests.jar | *-sources.jar | *-javadoc.jar) ;;
    *) jars+=("$jar") ;;
  esac
done
[ ${#jars[@]} -eq 1 ] && [ -e "${jars[0]}" ] && [ -d "$root/server/target/lib" ] ||
  fail "build the server first: mvn -DskipTests -pl server -am package"

mkdir -p "$folder"
folder=$(cd "$folder" && pwd -P)
"$JAVA_HOME/bin/jlink" --add-modules "$modules" --strip-debug --no-header-files --no-man-pages \
  --compress zip-6 --generate-cds-archive --output "$folder/runtime"
cp -R "$root/server/target/lib" "$folder/lib"
cp "${jars[0]}" "$root/millrace" "$root/LICENSE" "$root/deploy/millrace.example.yaml" \
  "$root/deploy/health.sh" "$folder"
commit=${MILLRACE_COMMIT:-$(git -C "$root" rev-parse --short HEAD 2>/dev/null || true)}
[ -z "$commit" ] || printf '%s\n' "$commit" >"$folder/commit"
# The first call writes down the classes that a start needs; in an image nobody may write later.
"$folder/millrace" --version
