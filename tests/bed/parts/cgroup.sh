# Control groups of a bed: one a host, one ("bed") for the bed's own daemons.
#
# Version 1 only. lxcfs can tell a host its own CPU use (relative to its quota) only from
# the cpuacct hierarchy, which version 2 does not have; without it all hosts would show
# the load of the whole machine, and the forecasts would be about nothing.

cg_root=/sys/fs/cgroup
cg_controllers="cpu cpuacct memory cpuset pids freezer blkio devices"

cg_missing() { # prints what is missing, nothing when all is there
  local c
  for c in $cg_controllers; do
    [ -w "$cg_root/$c/cgroup.procs" ] || { echo "cgroup v1 controller $c at $cg_root/$c"; return; }
  done
}

cg_new() { # GROUP
  local c f
  for c in $cg_controllers; do mkdir -p "$cg_root/$c/vrs$id/$1"; done
  for f in cpus mems; do # empty until filled from above, and no task may join till then
    for c in "vrs$id" "vrs$id/$1"; do
      cat "$cg_root/cpuset/cpuset.$f" >"$cg_root/cpuset/$c/cpuset.$f"
    done
  done
  # A group weighs as much as one task beside it: a bed is many machines, and on a busy one
  # they would all starve together.
  echo 16384 >"$cg_root/cpu/vrs$id/cpu.shares"
}

cg_limit_cpu() { echo $(($2 * 1000)) >"$cg_root/cpu/vrs$id/$1/cpu.cfs_quota_us"; }         # GROUP PCT_OF_A_CORE
cg_limit_mem() { echo $(($2 << 20)) >"$cg_root/memory/vrs$id/$1/memory.limit_in_bytes"; } # GROUP MIB
cg_freezer() { echo "$2" >"$cg_root/freezer/vrs$id/$1/freezer.state"; }                     # GROUP FROZEN|THAWED

cg_join() { # GROUP PID
  local c
  for c in $cg_controllers; do echo "$2" >"$cg_root/$c/vrs$id/$1/cgroup.procs"; done
}

cg_pids() { # every process of bed $id, whatever it forked into
  find "$cg_root/freezer/vrs$id" -name cgroup.procs -exec cat {} + 2>/dev/null
}
cg_empty() { [ -z "$(cg_pids)" ]; }

# The groups go when their processes are gone; somebody may just be starting one.
cg_end_all() {
  local state
  end_round() {
    local p
    for p in $(cg_pids); do kill -9 "$p"; done 2>/dev/null
    cg_empty && cg_remove
  }
  # a frozen process dies only once it thaws
  find "$cg_root/freezer/vrs$id" -name freezer.state 2>/dev/null | while read -r state; do
    echo THAWED >"$state"
  done
  await 10 "end of the processes of bed $id" end_round
}

cg_remove() { # [GROUP], else all of the bed
  local c
  for c in $cg_controllers; do
    [ ! -d "$cg_root/$c/vrs$id${1:+/$1}" ] ||
      find "$cg_root/$c/vrs$id${1:+/$1}" -depth -type d -exec rmdir {} + || return 1
  done
}
