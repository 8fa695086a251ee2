# Control groups of a bed: one a host, one ("bed") for the bed's own daemons.
#
# Both versions. Version 1 has one tree a controller, and a host's processes sit in its
# group. Version 2 has one tree, where a group that hands controllers to its children holds
# no process itself: a host's own processes sit in the child init.scope, its guests in
# groups that its libvirtd makes beside that.

cg_root=/sys/fs/cgroup
cg_controllers="cpu cpuacct memory cpuset pids freezer blkio devices"
cg2_controllers="cpu memory cpuset pids"
cg_version=1
[ ! -e "$cg_root/cgroup.controllers" ] || cg_version=2

cg_missing() { # prints what is missing, nothing when all is there
  local c
  if [ $cg_version = 2 ]; then
    for c in $cg2_controllers; do
      grep -qw "$c" "$cg_root/cgroup.controllers" || { echo "cgroup controller $c in $cg_root"; return; }
    done
    [ -w "$cg_root/cgroup.subtree_control" ] || echo "cgroup tree at $cg_root that we may write to"
    return
  fi
  for c in $cg_controllers; do
    [ -w "$cg_root/$c/cgroup.procs" ] || { echo "cgroup v1 controller $c at $cg_root/$c"; return; }
  done
}

cg2_hand_down() { # DIR : its children get the controllers
  echo "+${cg2_controllers// / +}" >"$1/cgroup.subtree_control"
}

# A group weighs as much as one task beside it: a bed is many machines, and on a busy one
# they would all starve together. So it gets the highest weight there is.
cg_new() { # GROUP
  local c f
  if [ $cg_version = 2 ]; then
    cg2_hand_down "$cg_root"
    mkdir -p "$cg_root/vrs$id"
    cg2_hand_down "$cg_root/vrs$id"
    mkdir -p "$cg_root/vrs$id/$1"
    echo 10000 >"$cg_root/vrs$id/cpu.weight"
    return
  fi
  for c in $cg_controllers; do mkdir -p "$cg_root/$c/vrs$id/$1"; done
  for f in cpus mems; do # empty until filled from above, and no task may join till then
    for c in "vrs$id" "vrs$id/$1"; do
      cat "$cg_root/cpuset/cpuset.$f" >"$cg_root/cpuset/$c/cpuset.$f"
    done
  done
  echo 16384 >"$cg_root/cpu/vrs$id/cpu.shares"
}

cg_limit_cpu() { # GROUP PCT_OF_A_CORE
  if [ $cg_version = 2 ]; then
    echo "$(($2 * 1000)) 100000" >"$cg_root/vrs$id/$1/cpu.max"
  else
    echo $(($2 * 1000)) >"$cg_root/cpu/vrs$id/$1/cpu.cfs_quota_us"
  fi
}
cg_limit_mem() { # GROUP MIB
  if [ $cg_version = 2 ]; then
    echo $(($2 << 20)) >"$cg_root/vrs$id/$1/memory.max"
  else
    echo $(($2 << 20)) >"$cg_root/memory/vrs$id/$1/memory.limit_in_bytes"
  fi
}
cg_freezer() { # GROUP FROZEN|THAWED
  if [ $cg_version = 2 ]; then
    if [ "$2" = FROZEN ]; then echo 1; else echo 0; fi >"$cg_root/vrs$id/$1/cgroup.freeze"
  else
    echo "$2" >"$cg_root/freezer/vrs$id/$1/freezer.state"
  fi
}

cg_join() { # GROUP PID
  local c
  if [ $cg_version = 2 ]; then
    c=$cg_root/vrs$id/$1
    [ ! -d "$c/init.scope" ] || c+=/init.scope
    echo "$2" >"$c/cgroup.procs"
    return
  fi
  for c in $cg_controllers; do echo "$2" >"$cg_root/$c/vrs$id/$1/cgroup.procs"; done
}

# Before a host boots: what its last run made in its group goes, so that its first process
# can join the group itself and see it as the root of its world.
cg_vacate() { # GROUP
  [ $cg_version = 2 ] || return 0
  find "$cg_root/vrs$id/$1" -mindepth 1 -depth -type d -exec rmdir {} +
  echo "-${cg2_controllers// / -}" >"$cg_root/vrs$id/$1/cgroup.subtree_control"
}

cg_tree() { # the folder in which every process of bed $id is found
  if [ $cg_version = 2 ]; then echo "$cg_root/vrs$id"; else echo "$cg_root/freezer/vrs$id"; fi
}
cg_pids() { # every process of bed $id, whatever it forked into
  find "$(cg_tree)" -name cgroup.procs -exec cat {} + 2>/dev/null
}
cg_empty() { [ -z "$(cg_pids)" ]; }

# The groups go when their processes are gone; somebody may just be starting one.
cg_end_all() {
  local f
  end_round() {
    local p
    for p in $(cg_pids); do kill -9 "$p"; done 2>/dev/null
    cg_empty && cg_remove
  }
  # a frozen process dies only once it thaws
  find "$(cg_tree)" -name freezer.state -o -name cgroup.freeze 2>/dev/null | while read -r f; do
    case $f in *.state) echo THAWED >"$f" ;; *) echo 0 >"$f" ;; esac
  done
  await 30 "end of the processes of bed $id" end_round
}

cg_remove() { # [GROUP], else all of the bed
  local c
  if [ $cg_version = 2 ]; then
    [ ! -d "$cg_root/vrs$id${1:+/$1}" ] || find "$cg_root/vrs$id${1:+/$1}" -depth -type d -exec rmdir {} +
    return
  fi
  for c in $cg_controllers; do
    [ ! -d "$cg_root/$c/vrs$id${1:+/$1}" ] ||
      find "$cg_root/$c/vrs$id${1:+/$1}" -depth -type d -exec rmdir {} + || return 1
  done
}
