/* keys.h - the names of everything in Redis, in one place.
 *
 *   vrsas:v1:m:{cluster}:host:yyyymmdd  string, 1440 slots of 8 bytes (series.h)
 *   vrsas:v1:host:{cluster}    hash host -> packed HostFacts
 *   vrsas:v1:inv:{cluster}     hash host -> packed HostInventory (VMs, stores)
 *   vrsas:v1:hb:{cluster}      hash host -> packed HostHealth; field "@" -> packed
 *                              Heartbeat without hosts, "@at" -> server ms when received,
 *                              "@seal" -> packed Sealed that it came in, if any
 *   vrsas:v1:wm:{cluster}      hash collector/epoch -> watermark, written after the data;
 *                              collector/epoch/head -> newest number heard of
 *   vrsas:v1:tab:{cluster}     hash collector/epoch -> packed newest HostTable
 *   vrsas:v1:clusters          set of cluster names
 *   vrsas:v1:fc:{cluster}      hash host ("" = cluster) -> packed Forecast
 *   vrsas:v1:model:NAME        hash: weights, version, checksum, report
 *   vrsas:v1:reloc:VM          hash: state, epoch, token, op, rec (packed Relocation)
 *   vrsas:v1:reloc             set of VM ids that have a record
 *   vrsas:v1:jrn:VM            stream of transitions
 *   vrsas:v1:xfer:JOB          hash: token, rec (packed TransferStatus), order (packed
 *                              TransferJob, while it waits), cancel, rate, pause
 *   vrsas:v1:xfer              sorted set of jobs by when they last changed their state
 *   vrsas:v1:xrun              hash job -> JSON: who works or waits, and on which ends
 *   vrsas:v1:rate:{src}:{dst}  list of measured transfers, newest first (text, 40 kept)
 *   vrsas:v1:eta:{src}:{dst}   list of what was said before copies and what they took,
 *                              newest first (text, 100 kept)
 *   vrsas:v1:word:{cluster}    hash host -> operator's word (packed HostWord)
 *   vrsas:v1:ran:{cluster}     hash host -> what ran there when last seen (HostRan)
 *   vrsas:v1:incident          hash id -> packed Incident; :open, the ids that are firing
 *                              (set); :closed, those that ended (sorted by when)
 *   vrsas:v1:sink:NAME         hash: cursor (id of the newest event that it took)
 *   vrsas:v1:svc:NAME          hash instance -> "at_ms note": who is alive
 *   vrsas:v1:metrics           hash SERVICE/instance -> "at_ms\n" and its page of metrics
 *   vrsas:v1:lease:scheduler   string token:instance, with expiry
 *   vrsas:v1:ev                stream of packed Event
 *   vrsas:v1:q:train           stream, group "predictors": open training jobs
 *   vrsas:v1:q:train:dead      stream: those given up (job, reason)
 *   vrsas:v1:q:train:why       hash job -> why its newest try failed
 *
 * {cluster} stands in braces in the key itself, so that all keys of one cluster live in
 * one slot of a Redis Cluster. */
#ifndef VRS_KEYS_H
#define VRS_KEYS_H

#define VRS_KEY "vrsas:v1:"

enum { VRS_KEY_MAX = 320 };

#endif
