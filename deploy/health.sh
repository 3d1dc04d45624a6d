#!/usr/bin/env bash
# Whether a server on this machine is ready: exits with 0 if so. Needs bash and nothing else, for images
# that have no HTTP client.
#
#   deploy/health.sh [PORT]      the port, else MILLRACE_PORT, else 8080
set -eu

exec 3<>"/dev/tcp/127.0.0.1/${1:-${MILLRACE_PORT:-8080}}"
printf 'GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' >&3
read -r -t 5 _ status _ <&3
[ "$status" = 200 ]
