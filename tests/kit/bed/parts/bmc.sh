# Management controllers: one ipmi_sim a host, speaking real IPMI over LAN on 127.0.0.1.
# They live outside the host, as in a chassis, and work its power through this bed.

# bmc_up NAME [PASSWORD]
bmc_up() {
  local name=$1 dir=$bed/bmc/$1 port
  host_facts "$name"
  [ ! -e "$dir" ] || die "$name has a BMC already"
  mkdir "$dir"
  port=$(take_number port $((20000 + id * 40)))
  echo "$port" >"$dir/port"
  echo "${2:-secret}" >"$dir/password"
  chmod 600 "$dir/password"
  fill "$here/templates/bmc.conf.in" NAME="$name" PORT="$port" PASSWORD="${2:-secret}" \
    CHASSIS="$here/bmc-chassis $bed" GUID="$(printf '%08x' "$port")" >"$dir/conf"
  spawn "$dir/pid" bed "$bed/log/$name.bmc" \
    ipmi_sim -c "$dir/conf" -f "$here/templates/bmc.emu" -s "$dir" -n
  await 30 "BMC of $name (see $bed/log/$name.bmc)" bmc_tool "$name" chassis power status
}

bmc_down() { # no BMC is fine
  local dir=$bed/bmc/$1
  [ -e "$dir" ] || return 0
  kill -CONT "$(cut -d' ' -f1 "$dir/pid")" 2>/dev/null || true
  ! proc_alive "$dir/pid" || kill "$(cut -d' ' -f1 "$dir/pid")"
  await 15 "end of the BMC of $1" proc_gone "$dir/pid"
  rmdir "$reg/port-$(<"$dir/port")"
  rm -rf "$dir"
}

# A broken BMC keeps its address and answers nothing.
bmc_break() { kill -STOP "$(cut -d' ' -f1 "$bed/bmc/$1/pid")"; }
bmc_mend() { kill -CONT "$(cut -d' ' -f1 "$bed/bmc/$1/pid")"; }

bmc_tool() { # NAME ARGS..
  local dir=$bed/bmc/$1
  shift
  ipmitool -I lanplus -C 3 -N 1 -R 1 -H 127.0.0.1 -p "$(<"$dir/port")" -U admin -f "$dir/password" "$@"
}

# What a fence agent reads on its standard input, without the action. Without cipher=3
# every call waits 14 s for an answer that ipmi_sim does not give.
fence_options() {
  local dir=$bed/bmc/$1
  [ -e "$dir" ] || die "$1 has no BMC"
  printf 'ip=127.0.0.1\nipport=%s\nusername=admin\npassword=%s\nlanplus=1\ncipher=3\n' \
    "$(<"$dir/port")" "$(<"$dir/password")"
}
