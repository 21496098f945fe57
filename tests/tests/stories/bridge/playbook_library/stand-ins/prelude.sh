# What every stand-in begins with. STATE is a directory: a file in it for everything that is so on the host.
program=${0##*/}
arguments=$*
is() { [ -e "$STATE/$1" ]; }
becomes() { : >"$STATE/$1"; }
no_longer() { rm -f "$STATE/$1"; }
# Something was changed, which the story reads; and the service is well afterwards, unless nothing helps it.
did() { echo "$program $arguments" >>"$STATE/done"; }
heals() { did; is stubborn || becomes well; }
# An invocation that the real program does not know: the story fails, whatever it makes of the exit status.
unknown() { echo "$program $arguments" >>"$STATE/unknown"; echo "$program: unknown: $arguments" >&2; exit "${1:-1}"; }
fails() { echo "$program: $1" >&2; exit "${2:-1}"; }
by() { [ "$BY" = "$1" ] || fails 'permission denied'; }
