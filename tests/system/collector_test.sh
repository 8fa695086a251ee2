#!/usr/bin/env bash
# The hypervisor driver and the collector on real hosts: a guest keeps its memory on the way
# from virtio to VMware's devices and back, and a guest or host that hangs holds up nobody.
. "$(dirname "$0")/../kit/tap.sh"

bed=$TAP_TOP/tests/kit/bed/bed
export VRS_BED_QUIET=1
reason=$("$bed" probe) || skip_all "${reason#SKIP }"

VRS_BED=$(mktemp -d)
export VRS_BED VRS_BED_OWNER=$$
work=$(mktemp -d)
pids=()
finish() {
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done
	"$bed" down
	if [ $TAP_BAD = 0 ]; then rm -rf "$VRS_BED" "$work"; else diag "logs: $work"; fi
}
trap finish EXIT
trap 'exit 130' INT TERM

ask() { # HOST VERB.. : hv-asker
	local uri=BED_$1_URI
	shift
	timeout 90 "$VRS_BUILD/tests/system/hv-asker" "${!uri}" "$@"
}
serves() { curl -sf -m 1 -o /dev/null "http://$1/"; }
put() { curl -sf -m 5 -X PUT "http://$1/$2" | sed -n 's/.*"seq":\([0-9]*\).*/\1/p'; }
seq_of() { curl -sf -m 2 "http://$1/" | sed -n 's/.*"seq":\([0-9]*\).*/\1/p'; }

check "bed comes up" "$bed" up
[ $TAP_BAD = 0 ] || tap_done
eval "$("$bed" info)"

# --- from virtio to VMware's devices and back ------------------------------------------

ip=$("$bed" vm-create c1h1 web1)
check "web1 serves on c1h1" wait_for 60 serves "$ip"
is "its first write is acknowledged" "$(put "$ip" one)" 1
id=$(ask c1h1 list | sed -n 's/ web1 running$//p')
ask c1h1 native "$id" >"$work/home.xml"
check "web1 shuts down when asked" ask c1h1 shutdown "$id"
is "and is off" "$(ask c1h1 state "$id")" off

"$bed" sh c1h1 cat /ds/web1.qcow2 >"$work/web1.qcow2"
qemu-img convert -f qcow2 -O vmdk "$work/web1.qcow2" "$work/web1.vmdk"
"$bed" sh c2h1 sh -c 'cat >/ds/web1.vmdk' <"$work/web1.vmdk"
is "it is defined on c2h1" \
	"$(ask c2h1 define "$work/home.xml" /ds/web1.vmdk vmdk pvscsi vmxnet3 qemu \
		"$BED_c1_BRIDGE=$BED_c2_BRIDGE")" "$id"
ask c2h1 native "$id" >"$work/away.xml"
check "with VMware's controller" grep -q "model='vmpvscsi'" "$work/away.xml"
check "with VMware's network card" grep -q "type='vmxnet3'" "$work/away.xml"
check "with the same MAC" grep -q "$(grep -o "mac address='[^']*'" "$work/home.xml")" \
	"$work/away.xml"
check "defining it again changes nothing" ask c2h1 define "$work/home.xml" /ds/web1.vmdk vmdk \
	pvscsi vmxnet3 qemu "$BED_c1_BRIDGE=$BED_c2_BRIDGE"
check "it starts there" ask c2h1 start "$id"
check "starting it again succeeds" ask c2h1 start "$id"
check "it serves there" wait_for 60 serves "$ip"
is "and has its write" "$(seq_of "$ip")" 1
is "it acknowledges another write" "$(put "$ip" two)" 2
check "a running VM is not undefined" test "$(ask c2h1 undefine "$id" 2>&1 | cut -d: -f1)" = conflict
check "it shuts down there" ask c2h1 shutdown "$id"
check "it is undefined there" ask c2h1 undefine "$id"
check "its disk stays" "$bed" sh c2h1 test -e /ds/web1.vmdk

"$bed" sh c2h1 cat /ds/web1.vmdk >"$work/back.vmdk"
qemu-img convert -f vmdk -O raw "$work/back.vmdk" "$work/back.raw"
"$bed" sh c3h1 sh -c 'cat >/ds/web1.raw' <"$work/back.raw"
is "VMware's definition is converted to virtio on c3h1" \
	"$(ask c3h1 define "$work/away.xml" /ds/web1.raw raw virtio virtio qemu \
		"$BED_c2_BRIDGE=$BED_c3_BRIDGE")" "$id"
check "it starts there, too" ask c3h1 start "$id"
check "it serves there" wait_for 60 serves "$ip"
is "and has both writes" "$(seq_of "$ip")" 2
check "it can be destroyed" ask c3h1 destroy "$id"
check "free space is reported without a pool" test "$(ask c3h1 store /ds | cut -d' ' -f2)" -gt 1000000

# --- the collector ---------------------------------------------------------------------

cat >"$work/site.ini" <<END
[cluster c1]
images = /ds
shared_storage = yes
[host c1/c1h1]
uri = $BED_c1h1_URI
[host c1/c1h2]
uri = $BED_c1h2_URI
[vm web*]
protect = yes
class = 1
END
ask c1h1 start "$id"
"$bed" sh c1h1 virsh -q autostart web1
"$bed" vm-create c1h2 web2 >/dev/null

redis-server --port 0 --unixsocket "$work/r.sock" --save '' --dir "$work" >"$work/redis.log" &
pids+=($!)
samples=$(free_port) fill=$(free_port)
"$VRS_BUILD/bin/vrs-etl" --redis="unix:$work/r.sock" --samples="tcp://127.0.0.1:$samples" \
	--fill="tcp://127.0.0.1:$fill" >"$work/etl.log" 2>&1 &
pids+=($!)
"$VRS_BUILD/bin/vrs-collector" --site="$work/site.ini" --cluster=c1 --interval=2s \
	--heartbeat=1s --spool_dir="$work/spool" --samples_url="tcp://127.0.0.1:$samples" \
	--fill_url="tcp://127.0.0.1:$fill" >"$work/collector.log" 2>&1 &
collector=$!
pids+=($collector)

message() { # TYPE KEY FIELD : a packed message in Redis, as text
	redis-cli -s "$work/r.sock" --raw hget "$2" "$3" | head -c -1 |
		protoc-c --decode="vrsas.v1.$1" -I "$TAP_TOP/proto" -I /usr/include \
			"$TAP_TOP/proto/vrsas/v1/sample.proto"
}
health() { message HostHealth 'vrsas:v1:hb:{c1}' "$1"; }
inventory() { message HostInventory 'vrsas:v1:inv:{c1}' "$1"; }
is_up() { health "$1" | grep -q STATE_UP; }
is_silent() { health "$1" | grep -q 'silent_samples: [2-9]'; }
told() { inventory "$1" | grep -q "$2"; }
mark() { # the newest minute's state of a host, and the watermark: grows with every batch
	redis-cli -s "$work/r.sock" --raw hvals 'vrsas:v1:wm:{c1}' | head -1
}
grown() { [ "$(mark)" -ge $(($1 + $2)) ]; }

check "both hosts are up" wait_for 30 is_up c1h1
check "the collector reports both as up" wait_for 30 is_up c1h2
check "web1 is reported with its class" wait_for 20 told c1h1 'vm_class: 1'
check "its disk can be read without its host" told c1h1 'readable_without_host: ANSWER_YES'
check "its start at boot was switched off" wait_for 20 told c1h1 'name: "web1"'
is "the host confirms it" "$("$bed" sh c1h1 virsh -q dominfo web1 | sed -n 's/^Autostart: *//p')" \
	disable
check "free space of the images folder is reported" wait_for 20 told c1h1 'free_bytes'

qemu=$("$bed" sh c1h2 pgrep -f qemu-system | head -1)
"$bed" sh c1h2 kill -STOP "$qemu"
was=$(mark)
check "a hanging guest delays no readings" wait_for 30 grown "${was:-0}" 5
check "its host is still up" is_up c1h2
check "the other host, too" is_up c1h1
"$bed" sh c1h2 kill -CONT "$qemu"

"$bed" freeze c1h2
check "a hanging host is reported as silent" wait_for 30 is_silent c1h2
check "the other host is up" is_up c1h1
"$bed" thaw c1h2
check "it is up again soon after it resumed" wait_for 30 is_up c1h2

"$bed" power-off c1h2
check "a host without power is reported as silent" wait_for 30 is_silent c1h2
"$bed" power-on c1h2
check "it is up again after it booted" wait_for 60 is_up c1h2
check "and its guest did not start" wait_for 20 told c1h2 'state: VM_STATE_OFF'

start=${EPOCHREALTIME/[.,]/}
kill "$collector"
wait "$collector"
is "the collector stops on SIGTERM" $? 0
diag "in $(((${EPOCHREALTIME/[.,]/} - start) / 1000)) ms"
tap_done
