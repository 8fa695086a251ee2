/* keys.h - the names of all keys in Redis: one function or macro each.
 *
 * A function returns its key by value: vrs_key_watermark(cluster).text is valid until the
 * end of the statement, a variable of struct vrs_key longer. Parts must be valid names
 * (vrs_name_ok, vrs_id_ok); a key is cut at VRS_KEY_MAX. Braces are part of the key: they
 * put all keys of a cluster into one slot of a Redis Cluster. deploy/redis/users.acl
 * defines which service may use which keys. */
#ifndef VRS_KEYS_H
#define VRS_KEYS_H

#define VRS_KEY "vrsas:v1:"

enum { VRS_KEY_MAX = 320 };

struct vrs_key {
	char text[VRS_KEY_MAX];
};

/* m:{CLUSTER}:HOST:YYYYMMDD - string: 1440 slots of 8 bytes, one for each minute of
 * that UTC day. Its function is vrs_series_key (series.h). */

/* host:{CLUSTER} - hash: host -> HostFacts. */
struct vrs_key vrs_key_host_facts(const char *cluster);

/* inv:{CLUSTER} - hash: host -> HostInventory (VMs, storage). */
struct vrs_key vrs_key_inventory(const char *cluster);

/* hb:{CLUSTER} - hash: host -> HostHealth; "@" -> Heartbeat without hosts; "@at" ->
 * server time in ms when it arrived; "@seal" -> the Sealed message that carried it, if
 * any. */
struct vrs_key vrs_key_heartbeat(const char *cluster);

/* wm:{CLUSTER} - hash: COLLECTOR/EPOCH -> watermark, written after the data;
 * COLLECTOR/EPOCH/head -> newest sequence number announced. */
struct vrs_key vrs_key_watermark(const char *cluster);

/* tab:{CLUSTER} - hash: COLLECTOR/EPOCH -> newest HostTable. */
struct vrs_key vrs_key_host_table(const char *cluster);

/* fc:{CLUSTER} - hash: host ("" for the whole cluster) -> Forecast. */
struct vrs_key vrs_key_forecast(const char *cluster);

/* claim:{CLUSTER} - hash: host -> what an operator declared (OperatorClaim). */
struct vrs_key vrs_key_operator_claim(const char *cluster);

/* ran:{CLUSTER} - hash: host -> VMs that ran there when it last responded (HostRan). */
struct vrs_key vrs_key_host_ran(const char *cluster);

/* model:NAME - hash: weights, version, checksum, report. */
struct vrs_key vrs_key_model(const char *name);

/* model:NAME.before - the model that NAME replaced. */
struct vrs_key vrs_key_model_before(const char *name);

/* reloc:VM - hash: state, epoch, token, op, rec (Relocation). */
struct vrs_key vrs_key_relocation(const char *vm_id);

/* jrn:VM - stream: state transitions of the VM's relocation. */
struct vrs_key vrs_key_journal(const char *vm_id);

/* xfer:JOB - hash: token, rec (TransferStatus), order (TransferJob, while it waits),
 * cancel, rate, pause. */
struct vrs_key vrs_key_transfer(const char *job);

/* rate:{SOURCE}:{TARGET} - list: measured transfers, newest first (text, 40 kept). */
struct vrs_key vrs_key_rate(const char *source, const char *target);

/* eta:{SOURCE}:{TARGET} - list: estimated and actual duration of copies, newest first
 * (text, 100 kept). */
struct vrs_key vrs_key_eta(const char *source, const char *target);

/* sink:NAME - hash: cursor (id of the newest event that was delivered). */
struct vrs_key vrs_key_sink(const char *name);

/* svc:SERVICE - hash: instance -> "AT_MS NOTE", refreshed while the instance runs. */
struct vrs_key vrs_key_service(const char *service);

/* Set: names of clusters. */
#define VRS_KEY_CLUSTERS VRS_KEY "clusters"
/* Set: ids of the VMs that have a relocation record. */
#define VRS_KEY_RELOCATIONS VRS_KEY "reloc"
/* Sorted set: transfer jobs by the time of their last change of state. */
#define VRS_KEY_TRANSFERS VRS_KEY "xfer"
/* Hash: job -> JSON: the mover that runs it or waits to, and its hosts (job_limits). */
#define VRS_KEY_JOB_LIMITS VRS_KEY "xrun"
/* Hash: id -> Incident; set of ids that are firing; sorted set of closed ones by end. */
#define VRS_KEY_INCIDENTS VRS_KEY "incident"
#define VRS_KEY_INCIDENTS_OPEN VRS_KEY "incident:open"
#define VRS_KEY_INCIDENTS_CLOSED VRS_KEY "incident:closed"
/* Hash: SERVICE/INSTANCE -> "AT_MS\n" and its page of metrics. */
#define VRS_KEY_METRICS VRS_KEY "metrics"
/* String with expiry: TOKEN:INSTANCE of the active scheduler; counter of tokens. */
#define VRS_KEY_LEASE VRS_KEY "lease:scheduler"
#define VRS_KEY_LEASE_TOKEN VRS_KEY "lease:scheduler:token"
/* Stream: Event. */
#define VRS_KEY_EVENTS VRS_KEY "ev"
/* Stream with group "predictors": open training jobs; stream of abandoned ones (job,
 * reason); hash: job -> why its newest attempt failed. */
#define VRS_KEY_TRAIN_QUEUE VRS_KEY "q:train"
#define VRS_KEY_TRAIN_DEAD VRS_KEY "q:train:dead"
#define VRS_KEY_TRAIN_WHY VRS_KEY "q:train:why"

#endif
