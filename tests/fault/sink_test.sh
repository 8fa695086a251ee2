#!/usr/bin/env bash
# sink_test.sh [--long] - every event reaches every sink at least once and in order: a sink
# that is down for a while (--long: five minutes), a gateway that is killed meanwhile, a
# wrong answer, a program instead of an address.
. "$(dirname "$0")/../kit/tap.sh"
. "$TAP_TOP/tests/kit/shell/sshd.sh"
. "$TAP_TOP/tests/fault/company.sh"
command -v python3 > /dev/null || skip_all "python3 is not installed"
DOWN=3
[ "${1:-}" = --long ] && DOWN=300

C=$(mktemp -d)
HOSTS=()
mkdir -p "$C"/{home,log}
printf 'a shared secret\n' > "$C/secret"
chmod 600 "$C/secret"
for s in control fill http sink; do PORT[$s]=$(free_port); done
printf '[cluster c1]\nimages = /\naccept = no\n' > "$C/site"
cat > "$C/taker" <<'END'
#!/bin/sh
cat >> "$1"
END
chmod 755 "$C/taker"
cat > "$C/sinks" <<END
[sink web]
url = http://127.0.0.1:${PORT[sink]}/hook
secret_file = $C/secret
[sink program]
command = $C/taker $C/program.log
severity = warning
END

# Writes what comes, one line each, with what was wrong with it; says 500 to every seventh.
cat > "$C/sink.py" <<'END'
import hashlib, hmac, json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
port, path, secret = int(sys.argv[1]), sys.argv[2], b"a shared secret"
count = 0
class H(BaseHTTPRequestHandler):
    def do_POST(self):
        global count
        body = self.rfile.read(int(self.headers["Content-Length"]))
        count += 1
        if count % 7 == 0:
            self.send_response(500); self.end_headers(); return
        t, mac = [p.split("=")[1] for p in self.headers["X-Vrsas-Signature"].split(",")]
        ok = hmac.compare_digest(mac, hmac.new(secret, t.encode() + b"." + body, hashlib.sha256).hexdigest())
        e = json.loads(body)
        ok = ok and self.headers["Content-Type"] == "application/cloudevents+json" and e["specversion"] == "1.0"
        ok = ok and e["type"] == "io.vrsas.%s.v1" % e["data"]["kind"] and e["id"] == e["data"]["id"]
        with open(path, "a") as f:
            f.write("%s %s %s\n" % (e["id"], e["data"]["text"], "good" if ok else "BAD"))
        self.send_response(204); self.end_headers()
    def log_message(self, *a): pass
HTTPServer(("127.0.0.1", port), H).serve_forever()
END
sink_up() {
	python3 "$C/sink.py" "${PORT[sink]}" "$C/web.log" 2> /dev/null &
	PID[sink]=$!
}
sink_down() {
	kill -9 "${PID[sink]}"
	wait "${PID[sink]}" 2> /dev/null
}

# Events as services write them: event_put FROM TO SEVERITY
event_put() {
	"$VRS_BUILD/tests/fault/stored" events "unix:$C/redis.sock" "$1" "$2" "$3"
}

GATEWAY=("--sinks=$C/sinks" "--risk_round=0")
redis_up
READ=read-0123456789abcdef
printf 'read ann %s\n' $READ > "$C/tokens"
chmod 600 "$C/tokens"
mkdir "$C/www"
sink_up
service_up gateway
known() {
	redis hget vrsas:v1:sink:web cursor | grep -q . && redis hget vrsas:v1:sink:program cursor | grep -q .
}
wait_for 10 known || { not_ok "the gateway knows its sinks"; tail -n 5 "$C/log/gateway"; tap_done; }

taken() { # LOG: the texts, each once, in the order of their first coming
	awk '{ print $2 }' "$C/web.log" | awk '!seen[$0]++'
}
has_all() { # N
	[ "$(taken | wc -l)" = "$1" ]
}
event_put 1 20 3
check "events arrive, signed, as CloudEvents" wait_for 20 has_all 20
check "and each matches its event" eval '! grep -q BAD "$C/web.log"'

sink_down
event_put 21 40 3
check "its silence is noticed" wait_for 20 grep -q "sink web: " "$C/log/gateway"
[ "$DOWN" = 3 ] || wait_for "$DOWN" false
service_kill gateway
event_put 41 60 3
service_up gateway
event_put 61 80 1
service_kill gateway
service_up gateway
sink_up
check "a sink that was down for $DOWN s, the gateway killed twice meanwhile: all arrive" wait_for 120 has_all 80
is "in order" "$(taken | paste -sd' ')" "$(seq 1 80 | paste -sd' ')"
check "the program gets warnings and errors" \
	wait_for 20 eval '[ "$(jq -r .data.text "$C/program.log" | awk "!s[\$0]++" | paste -sd" ")" = "$(seq 1 60 | paste -sd" ")" ]'
check "what was delivered is counted" \
	eval "get /metrics | grep -E '^vrsas_sink_events_total\{.*sink=\"web\".*result=\"delivered\"\} [1-9]'"
check "and nothing is left" \
	wait_for 10 eval "get /metrics | grep -E '^vrsas_sink_backlog_events\{.*sink=\"web\"\} 0'"
[ "$TAP_BAD" = 0 ] || tail -n 20 "$C/log/gateway" | sed 's/^/# gateway: /'
tap_done
