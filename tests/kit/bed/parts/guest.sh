# Guests: a bootable disk of 48 MiB (Debian's cloud kernel, guestd as its init) and the
# virtual machines made of it.

guest_modules="virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci
  virtio_blk failover net_failover virtio_net scsi_common scsi_mod sd_mod vmw_pvscsi vmxnet3
  evdev button"

# compile PROGRAM [FLAGS..] : from our source into the cache, when it changed
compile() {
  local out=$cache/bin/$1 src=$here/$1.c
  shift
  [ "$out" -nt "$src" ] && [ "$out" -nt "$here/ticks.h" ] && return
  mkdir -p "$cache/bin"
  "${CC:-cc}" -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra "$@" -o "$out.$$" "$src" ||
    die "cannot compile $src"
  mv "$out.$$" "$out"
}

# The kernel comes from Debian's archive once, then from the cache.
fetch_kernel() {
  local dir=$cache/kernel pkg m
  [ -e "$dir/vmlinuz" ] && return
  say "fetching the guest kernel (linux-image-cloud-amd64, once)"
  rm -rf "$dir.new"
  mkdir -p "$dir.new/modules"
  pkg=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '$1 == "Depends:" { print $2; exit }')
  [ -n "$pkg" ] || die "apt knows no linux-image-cloud-amd64: run apt-get update"
  (cd "$dir.new" && apt-get -qq download "$pkg" 2>"$dir.new/log") ||
    die "cannot download $pkg: $(tail -1 "$dir.new/log")"
  dpkg -x "$dir.new"/linux-image-*.deb "$dir.new/unpacked"
  cp "$dir.new"/unpacked/boot/vmlinuz-* "$dir.new/vmlinuz"
  for m in $guest_modules; do
    find "$dir.new/unpacked/lib/modules" -name "$m.ko" -exec cp {} "$dir.new/modules/" \;
  done
  strip -g "$dir.new"/modules/*.ko
  rm -rf "$dir.new/unpacked" "$dir.new"/*.deb
  rm -rf "$dir"
  mv "$dir.new" "$dir"
}

# The first partition, the same for every guest: FAT with syslinux, kernel and initramfs.
boot_mb=20
make_boot_partition() {
  local out=$cache/boot.fat work
  fetch_kernel
  compile guestd -static
  [ "$out" -nt "$cache/bin/guestd" ] && [ "$out" -nt "$cache/kernel/vmlinuz" ] &&
    [ "$out" -nt "${BASH_SOURCE[0]}" ] && return
  work=$(mktemp -d)
  mkdir -p "$work"/root/{proc,sys,dev,data}
  cp -r "$cache/kernel/modules" "$work/root/modules"
  install -m 755 -s "$cache/bin/guestd" "$work/root/init"
  (cd "$work/root" && find . | sort | cpio -o -H newc -R 0:0 --quiet | gzip -9n) >"$work/initrd"
  cat >"$work/syslinux.cfg" <<END
DEFAULT guest
PROMPT 0
TIMEOUT 0
LABEL guest
 LINUX /vmlinuz
 INITRD /initrd
 APPEND console=ttyS0 quiet panic=5 mitigations=off nokaslr no_timer_check tsc=reliable audit=0 cryptomgr.notests
END
  truncate -s ${boot_mb}M "$work/fat"
  mkfs.vfat -n BOOT -i 12345678 "$work/fat" >/dev/null
  mcopy -i "$work/fat" "$cache/kernel/vmlinuz" "$work/initrd" "$work/syslinux.cfg" ::
  syslinux --install "$work/fat"
  mv "$work/fat" "$out"
  rm -rf "$work"
}

# guest_image OUT ID IP SIZE_MB : a whole raw disk, made without root, mounts or loop devices
guest_image() {
  local out=$1 id=$2 ip=$3 size=${4:-48} work data_mb
  [ "$size" -ge 32 ] || die "guest image: $size MiB, want at least 32"
  mkdir -p "$cache"
  exec {cache_lock}>"$cache/lock"
  flock -w 300 "$cache_lock" || die "the guest image cache is busy: $cache/lock"
  make_boot_partition
  exec {cache_lock}>&-
  work=$(mktemp -d)
  data_mb=$((size - boot_mb - 2))
  mkdir "$work/data"
  echo "$id" >"$work/data/id"
  echo "$ip/16" >"$work/data/ip"
  truncate -s "${data_mb}M" "$work/ext4"
  mke2fs -q -t ext4 -m 0 -L data -d "$work/data" "$work/ext4"
  rm -f "$out"
  truncate -s "${size}M" "$out"
  printf 'label: dos\n1M,%sM,c,*\n%sM,%sM,83\n' $boot_mb $((boot_mb + 1)) $data_mb | sfdisk -q "$out"
  dd if=/usr/lib/syslinux/mbr/mbr.bin of="$out" bs=440 count=1 conv=notrunc status=none
  dd if="$cache/boot.fat" of="$out" bs=1M seek=1 conv=notrunc,sparse status=none
  dd if="$work/ext4" of="$out" bs=1M seek=$((boot_mb + 1)) conv=notrunc,sparse status=none
  rm -rf "$work"
}

# vm_xml KIND NAME DISK BRIDGE : the definition of a bed guest; the name alone fixes its
# UUID and MAC, so it is the same machine in every cluster
vm_xml() {
  local sum accel=qemu features="<tcg><tb-cache unit='MiB'>32</tb-cache></tcg>"
  sum=$(printf 'vrsas bed %s' "$2" | md5sum)
  [ "${VRS_BED_ACCEL:-tcg}" != kvm ] || accel=kvm features=
  fill "$here/templates/$1.xml.in" NAME="$2" DISK="$3" BRIDGE="$4" ACCEL=$accel FEATURES="$features" \
    UUID="${sum:0:8}-${sum:8:4}-4${sum:13:3}-8${sum:17:3}-${sum:20:12}" \
    MAC="52:54:00:${sum:0:2}:${sum:2:2}:${sum:4:2}"
}

# vm_create HOST NAME [--ip IP] [--size MB] [--local] [--no-start] : on the cluster's datastore
# in the cluster's own format, or on the host's own disk; prints the guest's address
vm_create() {
  local host=$1 name=$2 vm_ip='' size=48 store=ds start=1 dir disk raw
  shift 2
  while [ $# -gt 0 ]; do
    case $1 in
      --ip) vm_ip=$2; shift ;;
      --size) size=$2; shift ;;
      --local) store=local ;;
      --no-start) start= ;;
      *) die "vm-create: what is $1?" ;;
    esac
    shift
  done
  host_facts "$host"
  cluster_facts "$cluster"
  [[ $name =~ ^[a-z][a-z0-9-]{0,30}$ ]] || die "vm name $name: want a-z 0-9 -"
  mkdir "$bed/vms/$name" 2>/dev/null || die "vm $name is there already"
  [ -n "$vm_ip" ] || vm_ip=$net.200.$(take_number guest 1)
  dir=$ds disk=/$store/$name.$kind
  if [ $store = local ]; then
    [ "$local_mb" != 0 ] || die "host $host has no local disk"
    dir=$hdir/local
  fi
  raw=$bed/vms/$name/raw
  guest_image "$raw" "$name" "$vm_ip" "$size"
  qemu-img convert -f raw -O "$kind" "$raw" "$dir/$name.$kind" || die "vm $name: no room on $store?"
  rm -f "$raw"
  vm_xml "$kind" "$name" "$disk" "$bridge" >"$bed/vms/$name/xml"
  printf 'vm_ip=%s vm_host=%s\n' "$vm_ip" "$host" >"$bed/vms/$name/facts"
  in_host "$host" virsh -q define /dev/stdin <"$bed/vms/$name/xml" >/dev/null
  [ -z "$start" ] || in_host "$host" virsh -q start "$name" >/dev/null
  echo "$vm_ip"
}

# Some machines show a /dev/kvm that guests cannot use; only a guest that came up tells.
# probe_accel : prints kvm or tcg
probe_accel() {
  local work pid
  [ -w /dev/kvm ] || { echo tcg; return; }
  work=$(mktemp -d)
  guest_image "$work/disk" probe 10.0.2.15 48
  qemu-system-x86_64 -nodefaults -display none -accel kvm -m 96 \
    -drive "file=$work/disk,format=raw,if=virtio" -serial "file:$work/console" >/dev/null 2>&1 &
  pid=$!
  if await "${1:-10}" "guest under KVM" grep -q "GUESTD ready" "$work/console" 2>/dev/null; then
    echo kvm
  else
    echo tcg
  fi
  kill -9 $pid 2>/dev/null || true
  wait $pid 2>/dev/null || true
  rm -rf "$work"
}
