#include "render/csv_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE_MS = 60000, TABLE_VERSION = 1 };

struct sample {
	int64_t minute; /* since 1970 */
	uint32_t host;
	uint32_t order; /* of the row in the file */
	float cpu_ratio, mem_ratio;
	uint32_t vcpus_used;
};

struct rows {
	char cluster[65];
	uint64_t epoch;
	struct vrs_sample_row *host; /* newest facts of each */
	size_t n_hosts, cap_hosts;
	size_t last_host; /* of the row before: the next one is near */
	struct sample *sample;
	size_t n_samples, cap_samples;
	size_t *minute_at; /* where each minute's samples begin; one more at the end */
	size_t n_minutes;
};

void rows_hash(struct rows *r, uint64_t content)
{
	r->epoch = vrs_hash(r->epoch, &content, sizeof(content));
}

struct rows *rows_new(const char *cluster)
{
	struct rows *r = vrs_calloc(1, sizeof(*r));

	(void)vrs_strcpy(r->cluster, sizeof(r->cluster), cluster);
	r->epoch = vrs_hash(VRS_HASH_BEGIN, cluster, strlen(cluster) + 1);
	return r;
}

void rows_free(struct rows *r)
{
	if (!r)
		return;
	free(r->host);
	free(r->sample);
	free(r->minute_at);
	free(r);
}

/* Files go host by host or minute by minute: the host of this row is the one before, or
 * the next one. */
static size_t host_index(struct rows *r, const char *name)
{
	for (size_t i = 0; i < r->n_hosts; i++) {
		size_t k = (r->last_host + i) % r->n_hosts;

		if (strcmp(r->host[k].host, name) == 0)
			return k;
	}
	r->host = vrs_grow(r->host, r->n_hosts, &r->cap_hosts, sizeof(*r->host));
	return r->n_hosts++;
}

int rows_add(struct rows *r, const struct vrs_sample_row *row, struct vrs_err *err)
{
	if (!vrs_name_ok(row->host))
		return vrs_fail(err, VRS_EINVAL, "invalid host name '%s'", row->host);
	r->sample =
		vrs_grow(r->sample, r->n_samples, &r->cap_samples, sizeof(*r->sample));
	r->last_host = host_index(r, row->host);
	r->host[r->last_host] = *row;
	r->sample[r->n_samples] = (struct sample){
		.minute = row->at_ms / MINUTE_MS,
		.host = (uint32_t)r->last_host,
		.order = (uint32_t)r->n_samples,
		.cpu_ratio = (float)row->cpu_ratio,
		.mem_ratio = (float)row->mem_ratio,
		.vcpus_used = row->vcpus_left < row->vcpus_total
				      ? row->vcpus_total - row->vcpus_left
				      : 0,
	};
	r->n_samples++;
	return 0;
}

static int by_minute(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	if (x->minute != y->minute)
		return x->minute < y->minute ? -1 : 1;
	if (x->host != y->host)
		return x->host < y->host ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static bool same_place(const struct sample *a, const struct sample *b)
{
	return a->minute == b->minute && a->host == b->host;
}

void rows_finish(struct rows *r)
{
	size_t n = 0;

	if (r->n_samples)
		qsort(r->sample, r->n_samples, sizeof(*r->sample), by_minute);
	for (size_t i = 0; i < r->n_samples; i++) {
		if (n && same_place(&r->sample[n - 1], &r->sample[i]))
			n--;
		r->sample[n++] = r->sample[i];
	}
	r->n_samples = n;
	r->minute_at = vrs_calloc(n + 1, sizeof(*r->minute_at));
	for (size_t i = 0; i < n; i++)
		if (i == 0 || r->sample[i].minute != r->sample[i - 1].minute)
			r->minute_at[r->n_minutes++] = i;
	r->minute_at[r->n_minutes] = n;
}

size_t rows_count(const struct rows *r)
{
	return r->n_samples;
}

size_t rows_hosts(const struct rows *r)
{
	return r->n_hosts;
}

int64_t rows_first_ms(const struct rows *r)
{
	return r->n_samples ? r->sample[0].minute * MINUTE_MS : 0;
}

int64_t rows_last_ms(const struct rows *r)
{
	return r->n_samples ? r->sample[r->n_samples - 1].minute * MINUTE_MS : 0;
}

uint64_t rows_epoch(const struct rows *r)
{
	return r->epoch ? r->epoch : 1;
}

uint64_t rows_head(const struct rows *r)
{
	return r->n_minutes ? r->n_minutes + 1 : 0;
}

static void give_table(const struct rows *r, Vrsas__V1__Record *record)
{
	Vrsas__V1__HostTable *table = vrs_calloc(1, sizeof(*table));
	Vrsas__V1__HostFacts *facts = vrs_calloc(r->n_hosts, sizeof(*facts));

	vrsas__v1__host_table__init(table);
	table->version = TABLE_VERSION;
	table->n_host = r->n_hosts;
	table->host = vrs_calloc(r->n_hosts, sizeof(Vrsas__V1__HostFacts *));
	for (size_t i = 0; i < r->n_hosts; i++) {
		vrsas__v1__host_facts__init(&facts[i]);
		facts[i].name = r->host[i].host;
		facts[i].address = r->host[i].address;
		facts[i].vcpus_total = r->host[i].vcpus_total;
		facts[i].ram_total_bytes = r->host[i].ram_total_bytes;
		table->host[i] = &facts[i];
	}
	record->body_case = VRSAS__V1__RECORD__BODY_HOSTS;
	record->hosts = table;
}

static void give_batch(const struct rows *r, size_t minute, Vrsas__V1__Record *record)
{
	const struct sample *s = &r->sample[r->minute_at[minute]];
	size_t n = r->minute_at[minute + 1] - r->minute_at[minute];
	Vrsas__V1__SampleBatch *b = vrs_calloc(1, sizeof(*b));

	vrsas__v1__sample_batch__init(b);
	b->at_ms = s->minute * MINUTE_MS;
	b->interval_ms = MINUTE_MS;
	b->table_version = TABLE_VERSION;
	b->n_host = b->n_cpu_ratio = b->n_mem_ratio = b->n_vcpus_used = b->n_state = n;
	b->host = vrs_calloc(n, sizeof(*b->host));
	b->cpu_ratio = vrs_calloc(n, sizeof(*b->cpu_ratio));
	b->mem_ratio = vrs_calloc(n, sizeof(*b->mem_ratio));
	b->vcpus_used = vrs_calloc(n, sizeof(*b->vcpus_used));
	b->state = vrs_calloc(n, sizeof(*b->state));
	for (size_t i = 0; i < n; i++) {
		b->host[i] = s[i].host;
		b->cpu_ratio[i] = s[i].cpu_ratio;
		b->mem_ratio[i] = s[i].mem_ratio;
		b->vcpus_used[i] = s[i].vcpus_used;
		b->state[i] = isnan(s[i].cpu_ratio)
				      ? VRSAS__V1__HOST_STATE__HOST_STATE_UNSPECIFIED
				      : VRSAS__V1__HOST_STATE__HOST_STATE_UP;
	}
	record->body_case = VRSAS__V1__RECORD__BODY_SAMPLES;
	record->samples = b;
}

Vrsas__V1__Record *rows_record(const struct rows *r, uint64_t seq)
{
	Vrsas__V1__Record *record = vrs_calloc(1, sizeof(*record));

	vrsas__v1__record__init(record);
	record->cluster = r->cluster;
	record->collector = "import";
	record->epoch = rows_epoch(r);
	record->seq = seq;
	if (seq == 1)
		give_table(r, record);
	else
		give_batch(r, (size_t)seq - 2, record);
	return record;
}

void rows_record_free(Vrsas__V1__Record *record)
{
	if (!record)
		return;
	if (record->body_case == VRSAS__V1__RECORD__BODY_HOSTS) {
		if (record->hosts->n_host)
			free(record->hosts->host[0]);
		free(record->hosts->host);
		free(record->hosts);
	} else if (record->body_case == VRSAS__V1__RECORD__BODY_SAMPLES) {
		free(record->samples->host);
		free(record->samples->cpu_ratio);
		free(record->samples->mem_ratio);
		free(record->samples->vcpus_used);
		free(record->samples->state);
		free(record->samples);
	}
	free(record);
}
