/**
 * The beginning of a shell script that installs Debian packages without starting their services. policy-rc.d is Debian's own
 * switch against that (101: not allowed); ours exists only while the script runs, and never replaces an existing one.
 */
export const APT_WITHOUT_SERVICES = `
set -e
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM
  printf '#!/bin/sh\\nexit 101\\n' > "$policy"
  chmod 755 "$policy"
fi
`;
