#!/usr/bin/env bash
# gateway_test.sh [--long] - the gateway's API against its description, who may what, and
# clients that are careless or hostile. --long: 100,000 mutated requests instead of 1,500.
. "$(dirname "$0")/../kit/tap.sh"
. "$TAP_TOP/tests/kit/shell/sshd.sh"
. "$TAP_TOP/tests/fault/company.sh"
command -v python3 > /dev/null || skip_all "python3 is not installed"
MUTATIONS=1500
[ "${1:-}" = --long ] && MUTATIONS=100000
OPENAPI=$TAP_TOP/services/gateway/openapi.json
RUDE=$TAP_TOP/tests/kit/shell/rude.py

C=
mkdir_www() {
	mkdir -p "$C/www"
	echo '<!doctype html><title>page</title>' > "$C/www/index.html"
	head -c 3000000 /dev/zero | tr '\0' ' ' > "$C/www/big.js"
}
GATEWAY=(--request_timeout=2s --answer_timeout=2s --risk_round=1s --max_streams=3)
company_open || { not_ok "the company opens"; company_story; tap_done; }
mkdir_www
# freed memory goes back soon, so that its growth can be seen
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=4
gateway_open || { not_ok "the gateway is ready"; tail -n 5 "$C/log/gateway"; tap_done; }
U=http://127.0.0.1:${PORT[http]}

# --- every answer is what the description says ----------------------------------------------

fits() { # METHOD DESCRIBED-PATH ACTUAL-PATH TOKEN WANTED-STATUS [BODY]
	local said status
	said=$(api "$4" "$3" -X "$1" ${6:+-H 'Content-Type: application/json' -d "$6"})
	status=${said##*$'\n'}
	COVERED+="$1 $2"$'\n'
	if [ "$status" != "$5" ]; then
		not_ok "$1 $3 answers $5: $status"
		diag "${said:0:300}"
	else
		check "$1 $3 answers $5, as described" python3 "$TAP_TOP/tests/kit/shell/openapi.py" "$OPENAPI" "$1" "$2" \
			"$status" <<< "${said%$'\n'*}"
	fi
}
A=/api/v1
COVERED=
wait_for 10 eval "get $A/risk | jq -e '.looked == 4'"
for path in status clusters columns hosts vms forecasts relocations incidents risk events sd/hosts openapi.json session; do
	fits GET $A/$path $A/$path $READ 200
done
fits GET $A/history "$A/history?target=c1&minutes=30" $READ 200
fits GET $A/history "$A/history?target=c1/h1" $READ 200
fits GET $A/history "$A/history?target=c9" $READ 404
fits GET $A/history "$A/history" $READ 400
# this company has no history: nothing is stored, and the reply says so
fits GET $A/forecasts "$A/forecasts?target=c1/h1" $READ 503
fits GET $A/plan "$A/plan?host=c1/h1" $READ 200
fits GET $A/plan "$A/plan?host=h9" $READ 404
fits GET $A/preflight $A/preflight $READ 200
fits GET $A/preflight "$A/preflight?vm=web1&to=c2" $READ 200
fits GET $A/preflight "$A/preflight?vm=nobody" $READ 404
fits GET $A/preflight "$A/preflight?to=c9" $READ 404
fits GET $A/hosts "$A/hosts?nonsense=1" $READ 400
fits GET $A/events "$A/events?limit=99999" $READ 400
fits GET "$A/relocations/{vm}" $A/relocations/web1 $READ 404
fits POST $A/relocate $A/relocate $OPERATE 200 '{"vm": "web1", "dry_run": true}'
fits POST $A/relocate $A/relocate $OPERATE 404 '{"vm": "nobody"}'
fits POST $A/relocate $A/relocate $OPERATE 400 '{"vm": "web1", "sudo": true}'
fits POST $A/relocate $A/relocate $OPERATE 400 '{"to_cluster": "c2"}'
fits POST $A/failback $A/failback $OPERATE 409 '{"vm": "web1", "dry_run": true}'
fits POST $A/cancel $A/cancel $OPERATE 404 '{"vm": "nobody"}'
fits POST $A/confirm-off $A/confirm-off $OPERATE 200 '{"host": "c1/h1", "reason": "seen dark", "dry_run": true}'
fits POST $A/confirm-off $A/confirm-off $OPERATE 400 '{"host": "c1/h1"}'
fits POST $A/alerts $A/alerts $ALERT 400 '{}'
fits POST $A/session $A/session $READ 200 "{\"token\": \"$READ\"}"
fits POST $A/session/end $A/session/end $READ 200 '{}'
for path in /metrics /tables /-/healthy /-/ready; do
	fits GET $path $path $READ 200
done
fits POST /-/reload /-/reload $OPERATE 200 '{}'
is "every described path was tried" \
	"$(comm -23 <(python3 "$TAP_TOP/tests/kit/shell/openapi.py" "$OPENAPI" --paths | grep -v /bus/ | sort -u) <(sort -u <<< "$COVERED"))" ""
is "vrsctl prints what the API answers" \
	"$(ctl -o json vm list | jq -S .)" "$(get $A/vms | jq -S .)"

is "vrsctl preflight finds what the API answers" \
	"$(ctl -o json preflight web1 --to c2 | jq -S .)" "$(get "$A/preflight?vm=web1&to=c2" | jq -S .)"

# --- who may what ----------------------------------------------------------------------------

code() { # CURL-OPTION...
	curl -s -m 20 -o "$C/answer" -w '%{http_code}' "$@"
}
JSON='Content-Type: application/json'
DRY='{"vm": "web1", "dry_run": true}'
is "no token" "$(code $U$A/status)" 401
is "a wrong token" "$(code -H "Authorization: Bearer ${READ}x" $U$A/status)" 401
is "a read token may not order" "$(code -H "Authorization: Bearer $READ" -H "$JSON" -d "$DRY" $U$A/relocate)" 403
is "an alert token may not read" "$(code -H "Authorization: Bearer $ALERT" $U$A/status)" 403
is "a read token may not reload" "$(code -H "Authorization: Bearer $READ" -X POST $U/-/reload)" 403
O="Authorization: Bearer $OPERATE"
is "a page of another site may not order" "$(code -H "$O" -H "$JSON" -H 'Origin: http://evil.example' -d "$DRY" $U$A/relocate)" 403
is "nor one that a browser calls cross-site" "$(code -H "$O" -H "$JSON" -H 'Sec-Fetch-Site: cross-site' -d "$DRY" $U$A/relocate)" 403
is "nor a form" "$(code -H "$O" -d 'vm=web1' $U$A/relocate)" 415
is "the page itself may" "$(code -H "$O" -H "$JSON" -H "Origin: $U" -H 'Sec-Fetch-Site: same-origin' -d "$DRY" $U$A/relocate)" 200
is "a body of 10 MB is refused" "$(head -c 10000000 /dev/zero | code -H "$O" -H "$JSON" --data-binary @- $U$A/relocate)" 413
is "chunked, too" "$(head -c 10000000 /dev/zero | code -H "$O" -H "$JSON" -H 'Transfer-Encoding: chunked' --data-binary @- $U$A/relocate)" 413
is "headers of 40 KB are refused" "$(code -H "X-Long: $(head -c 40000 /dev/zero | tr '\0' x)" $U$A/status)" 431
is "another method says which one" "$(code -H "$O" -X DELETE $U$A/relocate)$(curl -si -X DELETE -H "$O" $U$A/relocate | tr -d '\r' | sed -n 's/^Allow: / /p')" "405 POST"
curl -si $U/ | tr -d '\r' > "$C/head"
check "the page comes with a strict policy" grep -q "^Content-Security-Policy: default-src 'none'; script-src 'self'" "$C/head"
check "no store for data" eval "curl -si -H 'Authorization: Bearer $READ' $U$A/status | grep -qi '^cache-control: no-store'"
curl -si -H "$JSON" -d "{\"token\": \"$READ\"}" $U$A/session | tr -d '\r' > "$C/head"
check "the cookie is out of reach of scripts and other sites" grep -q '^Set-Cookie: vrsas_token=.*; HttpOnly; SameSite=Strict' "$C/head"
is "and lets a browser in" "$(code -b "vrsas_token=$READ" $U$A/status)" 200
is "a request sent twice with one id is executed once" \
	"$(for _ in 1 2; do curl -s -H "$O" -H "$JSON" -d '{"vm": "web1", "request_id": "once-1"}' $U$A/relocate | jq -r .done; done | uniq | wc -l)" 1
check "the order is carried out" wait_for 40 state_is RUNNING_AWAY FAILBACK_READY PROTECTED
check "its relocation records the actor" eval "get $A/relocations/web1 | jq -e '[.relocation[0].journal[] | select(.why | test(\"bob\"))] | length > 0'"
fits GET "$A/relocations/{vm}" $A/relocations/web1 $READ 200
fits GET $A/relocations "$A/relocations?open=1" $READ 200

# --- events as they happen -------------------------------------------------------------------

listen() { # FILE [LAST-ID]
	curl -sN -m 60 -H "Authorization: Bearer $READ" -H 'Accept: text/event-stream' \
		${2:+-H "Last-Event-ID: $2"} $U$A/events > "$1" &
	PID[listen]=$!
}
ids() {
	sed -n 's/^id: //p' "$1"
}
last=$(get "$A/events?limit=1" | jq -r '.event[0].id')
first=$(get "$A/events?limit=1000" | jq -r '.event[0].id')
listen "$C/sse1" "$first"
check "a reconnected stream gets the missed events" wait_for 10 eval "ids '$C/sse1' | grep -qx $last"
is "without a gap" "$(ids "$C/sse1" | paste -sd' ')" \
	"$(get "$A/events?limit=1000&after=$first" | jq -r '.event[].id' | paste -sd' ')"
check "and the current views" wait_for 10 grep -q '^event: status' "$C/sse1"
"$VRS_BUILD/tests/fault/stored" events "unix:$C/redis.sock" 1 1 2
check "an event comes within a second" wait_for 1 grep -q '"test.event"' "$C/sse1"
kill "${PID[listen]}"
for i in 1 2 3 4; do listen "$C/sse-$i"; many[i]=${PID[listen]}; done
check "more listeners than are allowed are refused" wait_for 10 eval "grep -q 'streams are already open' '$C'/sse-?"
kill "${many[@]}" 2> /dev/null

# --- careless and hostile clients --------------------------------------------------------------

rss() {
	awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/${PID[gateway]}/status"
}
alive() {
	[ "$(code -H "Authorization: Bearer $READ" $U$A/status)" = 200 ]
}
before=$(rss)
coproc HELD { python3 "$RUDE" half-open "${PORT[http]}" 2000; }
read -r -u "${HELD[0]}" _
check "2,000 connections that say nothing: others are served" alive
check "again and again" eval 'for i in 1 2 3 4 5 6 7 8 9 10; do alive || exit 1; done'
exec {HELD[1]}>&-
wait "$HELD_PID" 2> /dev/null
is "a request byte by byte is closed" "$(python3 "$RUDE" slow "${PORT[http]}" 20 | sed 's/after [2-5] s/in time/')" "closed in time"
is "a body byte by byte is closed" "$(python3 "$RUDE" slow-body "${PORT[http]}" $ALERT | sed 's/after [2-5] s/in time/')" "closed in time"
coproc DEAF { python3 "$RUDE" deaf "${PORT[http]}"; }
read -r -u "${DEAF[0]}" _
check "a client that does not read its reply is disconnected" \
	wait_for 15 eval "get /metrics | grep -E '^vrsas_http_connections_closed_total\{.*reason=\"slow\"\} [3-9]'"
exec {DEAF[1]}>&-
wait "$DEAF_PID" 2> /dev/null
is "paths that lead elsewhere are refused" "$(python3 "$RUDE" paths "${PORT[http]}")" ""
python3 "$RUDE" mutate "${PORT[http]}" $MUTATIONS 7 $READ $ALERT > "$C/mutated"
diag "$MUTATIONS mutated requests: $(paste -sd' ' "$C/mutated")"
is "mutated requests: none hangs, none breaks the gateway" "$(grep -E '^(HANGS|5)' "$C/mutated" | grep -vE '^50[45]')" ""
check "it still runs" alive
after=$(rss)
diag "resident: $before MiB before, $after MiB after"
check "and has not grown much" [ "$after" -lt $((before + 60)) ]
# --- TLS ------------------------------------------------------------------------------------

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
	-addext subjectAltName=IP:127.0.0.1 -keyout "$C/key.pem" -out "$C/cert.pem" 2> /dev/null
plain=${PORT[http]} plain_pid=${PID[gateway]}
PORT[http]=$(free_port)
GATEWAY=(--tls_cert="$C/cert.pem" --tls_key="$C/key.pem" --request_timeout=2s --risk_round=0 --instance=tls)
service_up gateway
T=https://127.0.0.1:${PORT[http]}
check "with a certificate it speaks TLS" wait_for 10 curl -sf --cacert "$C/cert.pem" $T/-/ready
check "a client that does not trust the certificate disconnects" eval '! curl -sf $T/-/healthy'
check "and nothing is sent unencrypted" eval '! curl -sf -m 3 http://127.0.0.1:${PORT[http]}/-/healthy'
check "its cookie is for TLS only" eval "curl -si --cacert '$C/cert.pem' -H '$JSON' -d '{\"token\": \"$READ\"}' $T/api/v1/session | grep -q '^Set-Cookie: .*; Secure'"
check "a page is read over it" eval "[ \$(curl -s --cacert '$C/cert.pem' $T/big.js | wc -c) = 3000000 ]"
coproc HELD { python3 "$RUDE" half-open "${PORT[http]}" 300; }
read -r -u "${HELD[0]}" _
check "connections without a handshake block no others" curl -sf -m 10 --cacert "$C/cert.pem" $T/-/healthy
exec {HELD[1]}>&-
wait "$HELD_PID" 2> /dev/null
service_kill gateway
PORT[http]=$plain PID[gateway]=$plain_pid

# --- without its store -----------------------------------------------------------------------

kill -STOP "${PID[redis]}"
check "a Redis that hangs does not hang the gateway" curl -sf -m 12 $U/-/healthy
is "it says that it is not ready, and why" "$(code $U/-/ready)$(sed 's/:.*//' "$C/answer" | head -n 1)" 503Redis
kill -CONT "${PID[redis]}"
check "and is ready again with it" wait_for 20 curl -sf $U/-/ready
is "HEAD is GET without the body" "$(curl -sI $U/-/healthy | head -n 1 | cut -d' ' -f2)" 200

check "it stops within a second on SIGTERM" eval "kill -TERM ${PID[gateway]} && wait_for 1 eval '! kill -0 ${PID[gateway]}'"
check "its log has no complaint of a sanitizer" eval '! grep -E "AddressSanitizer|runtime error|LeakSanitizer" "$C/log/gateway"'
[ "$TAP_BAD" = 0 ] || tail -n 20 "$C/log/gateway" | sed 's/^/# gateway: /'
tap_done
