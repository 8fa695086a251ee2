#!/usr/bin/env bash
# The bus over TLS with certificates on both sides, and messages bound to their cluster: who
# has no certificate of our CA, none at all, or speaks for another cluster, is refused,
# named in the log and counted; everybody else goes on.
. "$(dirname "$0")/../kit/tap.sh"
. "$(dirname "$0")/../kit/shell/etl.sh"
command -v openssl >/dev/null || skip_all "no openssl"

cat >"$dir/trace.csv" <<END
timestamp,entity,cpu_pct,vcpus,mem_pct
2026-01-01T00:00:00Z,h1,30,8,40
2026-01-01T00:01:00Z,h1,40,8,40
END
pki=$dir/pki
other=$dir/other
"$TAP_TOP/tools/pki" "$pki" cluster c1 c2 c3 >/dev/null
"$TAP_TOP/tools/pki" "$pki" agent person p1 >/dev/null
"$TAP_TOP/tools/pki" "$other" cluster c9 >/dev/null
head -c 64 /dev/zero | tr '\0' a >"$pki/stranger.key"
chmod 600 "$pki/stranger.key"
rm "$pki/cluster-keys/c3.key" # a cluster whose key etl does not have
manager=(--bus_ca="$pki/ca.pem" --bus_cert="$pki/manager.pem")
samples=tls+${samples}
fill=tls+${fill}

start_redis || skip_all "no Redis"
"$bin/vrs-etl" --redis="unix:$socket" --samples="$samples" --fill="$fill" \
	--metrics=127.0.0.1:0 --cluster_keys="$pki/cluster-keys" "${manager[@]}" 2>"$dir/etl.log" &
pid[etl]=$!
check "etl listens with its certificate" etl_is_up
drop() { # NAME
	kill -9 "${pid[$1]}"
	wait "${pid[$1]}" 2>/dev/null
	unset "pid[$1]"
}
address=$(sed -n 's/.*serving metrics address=//p' "$dir/etl.log")
number() { # NAME LABELS... : the value of the series that has them
	local name=$1 line
	shift
	line=$(curl -sS --max-time 10 "http://$address/metrics" | grep "^$name{")
	for label; do line=$(grep -F "$label" <<<"$line"); done
	echo "${line##* }"
}
at_least() { [[ $(number "${@:2}") -ge $1 ]]; }
collector() { # NAME CLUSTER OPTION... : log is NAME.log
	local name=$1 cluster=$2
	shift 2
	"$bin/vrs-collector" --cluster="$cluster" --collector="$name" \
		--replay="replay:$dir/trace.csv" --history=5m --interval=1s --heartbeat=200ms \
		--spool_dir="$dir/spool" --samples_url="$samples" --fill_url="$fill" "$@" \
		2>>"$dir/$name.log" &
	pid[$name]=$!
}
with() { # CLUSTER [KEY] : the options of its collector
	echo "--bus_ca=$pki/ca.pem --bus_cert=$pki/$1.pem --cluster_key=${2:-$pki/cluster-keys/$1.key}"
}

# shellcheck disable=SC2046
collector good c1 $(with c1)
check "a collector with certificate and key is accepted" \
	wait_for 20 at_least 1 vrsas_ingest_records_total 'path="live"'
check "its history is filled in" wait_for 20 at_least 5 vrsas_ingest_samples_total
check "its heartbeats count" wait_for 20 at_least 2 vrsas_ingest_heartbeats_total
is "nothing is rejected so far" "$(curl -sS "http://$address/metrics" |
	grep '^vrsas_ingest_refused_total' | awk '{ n += $NF } END { print n }')" 0

# No certificate of our CA, or none.
collector strange c9 --bus_ca="$pki/ca.pem" --bus_cert="$other/c9.pem"
check "a certificate of another CA is refused and counted" wait_for 30 at_least 1 \
	vrsas_bus_peers_refused_total 'socket="fill"' 'reason="certificate"'
check "etl logs the reason" wait_for 10 grep -q "refused on $fill: TLS handshake failed: peer has no certificate" \
	"$dir/etl.log"
check "the rejected collector logs it, too" \
	wait_for 30 grep -q "not connected to .*peer rejected our certificate" "$dir/strange.log"
drop strange
collector misled c1 --bus_ca="$other/ca.pem" --bus_cert="$pki/c1.pem"
check "a collector rejects a manager with a certificate of another CA" \
	wait_for 30 grep -q "not connected to .*not signed by bus_ca" "$dir/misled.log"
drop misled
before=$(number vrsas_bus_peers_refused_total 'socket="fill"' 'reason="certificate"')
cat >"$dir/none.py" <<'END'
import socket, ssl, sys
host, port = sys.argv[1].rsplit(":", 1)
tls = ssl.create_default_context(cafile=sys.argv[2])
try:
    s = tls.wrap_socket(socket.create_connection((host, int(port)), 10), server_hostname="vrsas")
    s.sendall(b"\0SP\0\0\x30\0\0")
    sys.exit(len(s.recv(8)))    # nothing: hung up on
except OSError as e:            # ssl.SSLError is one
    print(e)
END
check "no certificate at all is refused" python3 "$dir/none.py" "${fill#tls+tcp://}" "$pki/ca.pem"
check "and counted" wait_for 30 at_least $((before + 1)) vrsas_bus_peers_refused_total \
	'socket="fill"' 'reason="certificate"'
before=$(number vrsas_bus_peers_refused_total 'socket="samples"' 'reason="certificate"')
collector plain c1 --bus_ca="$pki/ca.pem" --bus_cert="$pki/c1.pem" \
	--fill_url="${fill#tls+}" --samples_url="${samples#tls+}"
check "a connection without TLS is rejected" wait_for 30 at_least $((before + 1)) \
	vrsas_bus_peers_refused_total 'socket="samples"' 'reason="certificate"'
drop plain

# A certificate of our CA, but speaking for another cluster.
# shellcheck disable=SC2046
collector liar c1 $(with c2)
check "messages for another cluster are rejected and counted" wait_for 20 at_least 1 \
	vrsas_ingest_refused_total 'reason="signature"'
check "etl's log names the cluster" \
	wait_for 10 grep -q "refused: seal: not made with the key of cluster c1" "$dir/etl.log"
check "the sender logs the rejection" \
	wait_for 20 grep -q "etl rejects the readings.*key of cluster c1" "$dir/liar.log"
drop liar
# shellcheck disable=SC2046
collector nokey c3 $(with c3 "$pki/stranger.key")
check "a cluster without a known key is rejected" \
	wait_for 20 grep -q "no key for cluster c3" "$dir/nokey.log"
drop nokey
collector silent c2 --bus_ca="$pki/ca.pem" --bus_cert="$pki/c2.pem"
check "unsealed messages are rejected" wait_for 20 at_least 1 vrsas_ingest_refused_total \
	'reason="unsigned"'
check "and the sender logs it" wait_for 20 grep -q "seal: missing on a message from cluster c2" "$dir/silent.log"
drop silent
is "none of their readings is stored" "$(cli KEYS 'vrsas:v1:*{c2}*' ; cli KEYS 'vrsas:v1:*{c3}*')" ""
stored=$(number vrsas_ingest_samples_total)
check "the valid collector is not disturbed" wait_for 20 at_least $((stored + 2)) \
	vrsas_ingest_samples_total

# A person's import is sealed, too.
export VRSAS_FILL=$fill VRSAS_BUS_CA=$pki/ca.pem VRSAS_BUS_CERT=$pki/person.pem
"$bin/vrsctl" export c1 --from 1h --file "$dir/c1.csv" 2>/dev/null
check "an import without the cluster's key is refused" \
	sh -c '"$1/vrsctl" import c2 "$2" 2>&1 | grep "seal: missing"' - "$bin" "$dir/c1.csv"
check "with the key it is accepted" \
	env VRSAS_CLUSTER_KEY="$pki/cluster-keys/c2.key" "$bin/vrsctl" import c2 "$dir/c1.csv"

# The scheduler believes a death only by the cluster's own seal.
printf '[cluster c1]\nimages = /ds\n[host c1/h1]\nuri = replay:%s#h1\n' \
	"$dir/trace.csv" >"$dir/site.conf"
control=tls+tcp://127.0.0.1:$(free_port)
forecast=tls+tcp://127.0.0.1:$(free_port)
transfer=tls+tcp://127.0.0.1:$(free_port)
"$bin/vrs-scheduler" --redis="unix:$socket" --site="$dir/site.conf" --control="$control" \
	--forecast="$forecast" --transfer="$transfer" --metrics=127.0.0.1:0 \
	--cluster_keys="$pki/cluster-keys" "${manager[@]}" 2>"$dir/scheduler.log" &
pid[scheduler]=$!
export VRSAS_CONTROL=$control VRSAS_BUS_CA=$pki/ca.pem
export VRSAS_BUS_CERT=$pki/person.pem
state() { "$bin/vrsctl" host list -o json | jq -r '.. | objects | select(.name == "h1" and .cluster == "c1").state'; }
host_is() { [[ $(state) == "$1" ]]; }
check "vrsctl asks over TLS; the host is up" wait_for 20 host_is up
check "without a certificate vrsctl gets no answer" \
	sh -c '! VRSAS_BUS_CERT="$1" "$2/vrsctl" --timeout 3s host list' - "$other/c9.pem" "$bin"
agent=(--bus_ca="$pki/ca.pem" --bus_cert="$pki/p1.pem" --redis="unix:$socket")
"$bin/vrs-predictor" --forecast="$forecast" --training=no "${agent[@]}" 2>"$dir/predictor.log" &
pid[predictor]=$!
"$bin/vrs-mover" --transfer="$transfer" "${agent[@]}" 2>"$dir/mover.log" &
pid[mover]=$!
peers() { # SOCKET
	curl -sS --max-time 10 "http://$(sed -n 's/.*serving metrics address=//p' \
		"$dir/scheduler.log")/metrics" | grep -q "^vrsas_bus_peers{.*socket=\"$1\"} 1\$"
}
check "a predictor connects" wait_for 20 peers forecast
check "a mover connects" wait_for 20 peers transfer
drop good
forged() { # a state that etl did not get from the collector, again and again
	cli HSET 'vrsas:v1:hb:{c1}' @at "$(date +%s%3N)" @seal 'no seal' >/dev/null
	grep -q "rejecting heartbeats: heartbeat of cluster c1" "$dir/scheduler.log"
}
check "a heartbeat put into Redis without a seal does not count" wait_for 20 forged

# Settings that cannot be.
unset VRSAS_BUS_CA VRSAS_BUS_CERT
chmod 644 "$pki/cluster-keys/c1.key"
wrong() { ! "$bin/vrs-$1" -t "${@:3}" >"$dir/wrong" 2>&1 && grep -q "$2" "$dir/wrong"; }
check "an invalid certificate" wrong etl "no certificate in" --bus_ca="$dir/trace.csv" \
	--bus_cert="$pki/manager.pem"
check "a missing certificate" wrong etl "nowhere.pem: No such file" \
	--bus_ca="$dir/nowhere.pem" --bus_cert="$pki/manager.pem"
check "a CA without a certificate" wrong etl "must be set together" --bus_ca="$pki/ca.pem"
chmod 644 "$pki/manager.pem"
check "a key that other users can read" wrong etl "other users can read" "${manager[@]}"
no_tls() { ! timeout 20 "$bin/vrs-etl" --redis="unix:$socket" --samples="$samples" \
	--fill="$fill" >"$dir/wrong" 2>&1 && grep -q "needs bus_ca and bus_cert" "$dir/wrong"; }
check "a tls+tcp:// address without certificates" no_tls
no_key() { ! timeout 20 "$bin/vrs-etl" --redis="unix:$socket" --cluster_keys="$pki/cluster-keys" \
	>"$dir/wrong" 2>&1 && grep -q "c1.key" "$dir/wrong"; }
check "a cluster key that other users can read" no_key
[[ -z ${KEEP:-} ]] || cp -r "$dir" "$KEEP"
tap_done
