#!/usr/bin/env bash
# deploy/ on a real Docker engine: the image is built, everything comes up healthy,
# predictors scale, and the mover carries an image between two hosts.
# VRS_DOCKER_BUILD=inside compiles in the image, too, as a user's build does.
# shellcheck source=tests/kit/tap.sh
. "$(dirname "$0")/../kit/tap.sh"
# shellcheck source=tests/kit/shell/docker.sh
. "$TAP_TOP/tests/kit/shell/docker.sh"

((EUID == 0)) || skip_all "needs root: secrets are given to another uid"
"$TAP_TOP/tools/install" check compose >/dev/null 2>&1 ||
	skip_all "docker.io, docker-compose and debootstrap cannot be installed"

dir=$(mktemp -d)
project=vrsastest$$
image=vrsas-test:$$
up=
finish() {
	if [[ $up ]]; then
		far_down
		dc down -v --timeout 5 >/dev/null 2>&1
	fi
	[[ ${DOCKER_HOST:-}${docker_own:-} ]] &&
		docker rmi -f "$image" "$image-far" "$image-run" >/dev/null 2>&1
	docker_down "$dir"
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

took() {
	diag "$1: $((SECONDS - began)) s"
	began=$SECONDS
}
began=$SECONDS

docker_up "$dir" || skip_all "$DOCKER_WHY"
took "engine"
check "a base image without a registry" docker_base "$dir"
took "base image"
((TAP_BAD == 0)) || tap_done

# --- as the README says ------------------------------------------------------------------

# The way of deploy/Dockerfile, with the network of this machine where containers have none.
image() { # TAG DOCKERFILE CONTEXT [OPTION...]
	local tag=$1 file=$2 context=$3 log=$dir/build.log
	shift 3
	docker build "$@" -t "$tag" -f "$file" "$context" >"$log" 2>&1 ||
		docker build "$@" --network host -t "$tag" -f "$file" "$context" >"$log" 2>&1 || {
		tail -n 30 "$log"
		return 1
	}
}
build() {
	local ctx=$dir/context
	if [[ ${VRS_DOCKER_BUILD:-} == inside ]] || ! grep -qx VERSION_CODENAME=bookworm /etc/os-release; then
		image "$image" "$TAP_TOP/deploy/Dockerfile" "$TAP_TOP"
		return
	fi
	# The programs of this machine, where it is the same Debian as the image: the build
	# stage would compile the same sources with the same compiler once more.
	image "$image-run" "$TAP_TOP/deploy/Dockerfile" "$TAP_TOP" --target run || return 1
	"$TAP_TOP/tools/build" release || return 1
	DESTDIR=$ctx/out cmake --install "$TAP_TOP/build/release" --strip || return 1
	mkdir -p "$ctx/out/usr/local/share/vrsas" "$ctx/deploy/redis"
	"$TAP_TOP/build/release/bin/vrs-predictor" generate --workload 1 --days 7 \
		--start 2026-01-05T00:00:00Z --hosts mail1 mail2 mail3 \
		--out "$ctx/out/usr/local/share/vrsas/sample.csv" || return 1
	cp "$TAP_TOP/deploy/redis/redis-start" "$ctx/deploy/redis/"
	awk -v run="$image-run" '
		/^FROM / { last = "" }
		{ sub(/^FROM run$/, "FROM " run); sub(/--from=build \/out\//, "out/") }
		{ last = last $0 "\n" }
		END { printf "%s", last }' "$TAP_TOP/deploy/Dockerfile" >"$ctx/Dockerfile"
	image "$image" "$ctx/Dockerfile" "$ctx"
}

# Meanwhile: what stands for a cluster's host. The mover brings its own vrs-image.
docker build -q -t "$image-far" - >"$dir/far.log" 2>&1 <<-END &
	FROM debian:bookworm-slim
	RUN apt-get update -q && apt-get install -yq --no-install-recommends openssh-server && mkdir -p /run/sshd /images
END
far_image=$!
check "the image builds" build
took "image"
((TAP_BAD == 0)) || tap_done

check "secrets are made" "$TAP_TOP/deploy/make-secrets" "$dir/secrets"
export VRSAS_IMAGE=$image VRSAS_SECRETS=$dir/secrets
VRSAS_SAMPLES_PORT=$(free_port)
VRSAS_FILL_PORT=$(free_port)
VRSAS_CONTROL_PORT=$(free_port)
VRSAS_HTTP_PORT=$(free_port)
export VRSAS_SAMPLES_PORT VRSAS_FILL_PORT VRSAS_CONTROL_PORT VRSAS_HTTP_PORT

dc() {
	compose -f "$TAP_TOP/deploy/docker-compose.yml" -p "$project" "$@"
}
start() {
	dc up -d --no-build >"$dir/up.log" 2>&1 || {
		tail -n 30 "$dir/up.log"
		return 1
	}
}
up=yes
check "compose brings everything up" start

vrsctl() {
	dc exec -T scheduler vrsctl "$@" </dev/null
}
container() {
	docker ps -q --filter "label=com.docker.compose.project=$project" \
		--filter "label=com.docker.compose.service=$1"
}
healthy() {
	[[ $(docker inspect -f '{{.State.Health.Status}}' "$(container "$1")") == healthy ]]
}
alive() { # SERVICE N : so many of it have said so lately
	local seen
	seen=$(vrsctl status -o json |
		jq --arg name "$1" '[.at as $now | .service[] | select(.name == $name)] | length')
	[[ $seen -ge $2 ]]
}
logs() {
	dc logs --no-color --tail 15 2>&1 | sed 's/^/# /'
}

for service in redis scheduler; do
	check "$service is healthy" wait_for 60 healthy $service
done
took "up"
for service in etl predictor mover gateway; do
	check "$service is alive" wait_for 30 alive $service 1
done
page() {
	curl -sf -m 5 "http://127.0.0.1:$VRSAS_HTTP_PORT/" | grep -q '<title>VR-SAS</title>' &&
		curl -sf -m 5 -H "Authorization: Bearer $(<"$dir/secrets/gateway_read")" \
			"http://127.0.0.1:$VRSAS_HTTP_PORT/api/v1/status" | jq -e .health
}
check "the page and its API answer" wait_for 30 page
check "the monitoring stack is described without a mistake" \
	eval 'dc --profile monitoring config | grep -q alertmanager.yml'
has_samples() {
	[[ $(vrsctl host list -c sample -o json | jq '[.host[] | select(.last_sample_at != null)] | length') == 3 ]]
}
check "the sample collector's three hosts have arrived" wait_for 60 has_samples

rows() {
	dc exec -T etl vrsctl export sample --from 1d --no-headers </dev/null | wc -l
}
has_day() { (($(rows) > 3 * 1400)); }
check "a day of their history can be exported" wait_for 60 has_day
took "samples"

# --- replicas ----------------------------------------------------------------------------

check "predictor scales to three" dc up -d --no-build --scale predictor=3
check "three predictors have connected" wait_for 30 alive predictor 3
forecast_made() {
	vrsctl forecast sample -o json | jq -e '.forecast[0].peak | length > 0'
}
check "a forecast is answered" wait_for 60 forecast_made
took "three predictors"

# --- one image through the mover ---------------------------------------------------------

far_up() {
	local n ip
	wait "$far_image" || {
		tail -n 20 "$dir/far.log"
		return 1
	}
	for n in 1 2; do
		docker run -d --name "$project-far$n" --network "${project}_vrsas" \
			-v "$dir/secrets/ssh_key.pub:/key.pub:ro" "$image-far" \
			sh -c 'install -d -m 700 /root/.ssh && install -m 600 /key.pub /root/.ssh/authorized_keys && exec /usr/sbin/sshd -D -e' \
			>/dev/null || return 1
	done
	for n in 1 2; do
		ip=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$project-far$n")
		wait_for 20 ssh_key_of "$ip" || return 1
		ssh_key_of "$ip" | sed "s/^$ip/$project-far$n/" >>"$dir/secrets/known_hosts"
	done
	chown 7700:7700 "$dir/secrets/known_hosts"
	docker exec "$project-far1" sh -c '
		truncate -s 64M /images/disk.raw &&
		dd if=/dev/urandom of=/images/disk.raw bs=1M count=8 seek=3 conv=notrunc status=none'
}
ssh_key_of() {
	ssh-keyscan -T 2 -t ed25519 "$1" 2>/dev/null | grep ed25519
}
far_down() {
	docker rm -f "$project-far1" "$project-far2" >/dev/null 2>&1
}
carry() {
	dc exec -T mover vrs-mover copy "root@$project-far1:/images/disk.raw" \
		"root@$project-far2:/images/disk.raw" -i /run/secrets/ssh_key \
		--known-hosts /run/secrets/known_hosts </dev/null
}
content() {
	docker exec "$project-far$1" sha256sum /images/disk.raw | cut -d ' ' -f 1
}
check "two hosts with sshd" far_up
check "the mover copies an image from one to the other" carry
is "the content is the same" "$(content 2)" "$(content 1)"
check "holes stay holes" docker exec "$project-far2" sh -c \
	'[ "$(stat -c %b /images/disk.raw)" -lt 20000 ]'
took "a copy"

# --- a service that dies comes back ------------------------------------------------------

restarted() { # SERVICE STARTED_AT : runs since another moment
	local now
	now=$(docker inspect -f '{{.State.Running}} {{.State.StartedAt}}' "$(container "$1")") || return 1
	[[ $now == true* && $now != "true $2" ]]
}
before=$(docker inspect -f '{{.State.StartedAt}}' "$(container scheduler)")
kill -9 "$(docker inspect -f '{{.State.Pid}}' "$(container scheduler)")"
check "a killed scheduler is started again" wait_for 20 restarted scheduler "$before"
check "and answers" wait_for 60 vrsctl status
took "restart"

if ((TAP_BAD)); then
	logs
fi
far_down
check "compose takes everything down" dc down -v --timeout 5
up=
took "down"
tap_done
