#include "vrs/metrics.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FAMILIES = 1000, MAX_NAME = 120, MAX_HELP = 400, MAX_LINE = 4096 };

const double vrs_bounds_seconds[16] = {0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01,
				       0.025,  0.05,   0.1,   0.25,   0.5,   1,
				       2.5,    5,      15,    60};
const double vrs_bounds_ratio[10] = {0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2};

struct family {
	char name[MAX_NAME], help[MAX_HELP];
	enum vrs_metric_type type;
	struct vrs_text lines;
};

struct vrs_page {
	char *owner; /* service="a",instance="b" */
	struct family **family;
	size_t n, cap, last; /* the family used last */
	struct vrs_text reasons;
};

static const char *const type_names[] = {"counter", "gauge", "histogram"};

/* --- histograms --- */

void vrs_histogram_init(struct vrs_histogram *h, const double *bounds, size_t n)
{
	assert(n <= VRS_HISTOGRAM_MAX);
	*h = (struct vrs_histogram){.bound = bounds, .n_bounds = n};
}

void vrs_histogram_add(struct vrs_histogram *h, double value)
{
	size_t i = 0;

	if (isnan(value))
		return;
	while (i < h->n_bounds && value > h->bound[i])
		i++;
	h->count[i]++;
	h->sum += value;
}

/* --- building a page --- */

static void add_label(struct vrs_text *t, const char *name, const char *value)
{
	vrs_text_add(t, "%s=\"", name);
	for (const char *s = value; *s; s++) {
		if (*s == '\\' || *s == '"')
			vrs_text_add(t, "\\%c", *s);
		else if (*s == '\n')
			vrs_text_add(t, "\\n");
		else
			vrs_text_add_bytes(t, s, 1);
	}
	vrs_text_add(t, "\"");
}

static char *owner_of(const char *service, const char *instance)
{
	struct vrs_text t = {0};

	add_label(&t, "service", service);
	vrs_text_add(&t, ",");
	add_label(&t, "instance", instance);
	return t.text; /* owned by the caller now */
}

struct vrs_page *vrs_page_new(const char *service, const char *instance)
{
	struct vrs_page *page = vrs_calloc(1, sizeof(*page));

	page->owner = owner_of(service, instance);
	return page;
}

void vrs_page_free(struct vrs_page *page)
{
	if (!page)
		return;
	for (size_t i = 0; i < page->n; i++) {
		vrs_text_fini(&page->family[i]->lines);
		free(page->family[i]);
	}
	free(page->family);
	free(page->owner);
	vrs_text_fini(&page->reasons);
	free(page);
}

static struct family *find(struct vrs_page *page, const char *name, size_t len)
{
	for (size_t i = 0; i < page->n; i++) {
		size_t at = (page->last + i) % page->n;
		struct family *f = page->family[at];

		if (strncmp(f->name, name, len) == 0 && f->name[len] == '\0') {
			page->last = at;
			return f;
		}
	}
	return NULL;
}

static struct family *add_family(struct vrs_page *page, enum vrs_metric_type type,
				 const char *name, const char *help)
{
	struct family *f = vrs_calloc(1, sizeof(*f));

	f->type = type;
	(void)vrs_strcpy(f->name, sizeof(f->name), name);
	(void)vrs_strcpy(f->help, sizeof(f->help), help);
	page->family = vrs_grow(page->family, page->n, &page->cap, sizeof(*page->family));
	page->last = page->n;
	page->family[page->n++] = f;
	return f;
}

static struct family *family_of(struct vrs_page *page, enum vrs_metric_type type,
				const char *name, const char *help)
{
	struct family *f = find(page, name, strlen(name));

	assert(strlen(name) < MAX_NAME - 8);
	if (!f)
		f = add_family(page, type, name, help);
	assert(f->type == type);
	return f;
}

/* Integers without a fraction, others with the precision of a double. */
static void add_value(struct vrs_text *t, double value)
{
	if (isinf(value))
		vrs_text_add(t, value > 0 ? "+Inf" : "-Inf");
	else if (value == floor(value) && fabs(value) < 1e15)
		vrs_text_add(t, "%.0f", value);
	else
		vrs_text_add(t, "%.12g", value);
}

static void add_labels(struct vrs_text *t, const char *owner, va_list ap)
{
	const char *name;

	vrs_text_add(t, "%s", owner);
	while ((name = va_arg(ap, const char *)) != NULL) {
		const char *value = va_arg(ap, const char *);

		vrs_text_add(t, ",");
		add_label(t, name, value);
	}
}

void vrs_page_add(struct vrs_page *page, enum vrs_metric_type type, const char *name,
		  const char *help, double value, ...)
{
	struct family *f = family_of(page, type, name, help);
	va_list ap;

	assert(type != VRS_HISTOGRAM);
	if (isnan(value))
		return;
	vrs_text_add(&f->lines, "%s{", name);
	va_start(ap, value);
	add_labels(&f->lines, page->owner, ap);
	va_end(ap);
	vrs_text_add(&f->lines, "} ");
	add_value(&f->lines, value);
	vrs_text_add(&f->lines, "\n");
}

void vrs_page_histogram(struct vrs_page *page, const char *name, const char *help,
			const struct vrs_histogram *h, ...)
{
	struct family *f = family_of(page, VRS_HISTOGRAM, name, help);
	struct vrs_text labels = {0};
	uint64_t n = 0;
	va_list ap;

	va_start(ap, h);
	add_labels(&labels, page->owner, ap);
	va_end(ap);
	for (size_t i = 0; i <= h->n_bounds; i++) {
		n += h->count[i];
		vrs_text_add(&f->lines, "%s_bucket{%s,le=\"", name, labels.text);
		add_value(&f->lines, i < h->n_bounds ? h->bound[i] : INFINITY);
		vrs_text_add(&f->lines, "\"} %llu\n", (unsigned long long)n);
	}
	vrs_text_add(&f->lines, "%s_sum{%s} ", name, labels.text);
	add_value(&f->lines, h->sum);
	vrs_text_add(&f->lines, "\n%s_count{%s} %llu\n", name, labels.text,
		     (unsigned long long)n);
	vrs_text_fini(&labels);
}

void vrs_page_not_ready(struct vrs_page *page, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	vrs_text_add(&page->reasons, "%s\n", text);
}

const char *vrs_page_reasons(const struct vrs_page *page)
{
	return page->reasons.text ? page->reasons.text : "";
}

/* --- pages of other processes --- */

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static size_t name_length(const char *s, const char *end)
{
	size_t n = 0;

	while (s + n < end && is_name_char(s[n]))
		n++;
	return n;
}

/* The name of a series is that of its family, or one of the three of a histogram. */
static bool belongs(const struct family *f, const char *name, size_t len)
{
	static const char *const suffixes[] = {"_bucket", "_sum", "_count"};
	size_t stem = strlen(f->name);

	if (len < stem || strncmp(name, f->name, stem) != 0)
		return false;
	if (f->type != VRS_HISTOGRAM)
		return len == stem;
	for (size_t i = 0; i < 3; i++)
		if (len == stem + strlen(suffixes[i]) &&
		    strncmp(name + stem, suffixes[i], len - stem) == 0)
			return true;
	return false;
}

/* Skips labels in the form written by this file, up to and including the closing brace;
 * NULL: another form. */
static const char *skip_labels(const char *s, const char *end)
{
	for (;;) {
		size_t n = name_length(s, end);

		s += n;
		if (n == 0 || n > MAX_NAME || end - s < 2 || s[0] != '=' || s[1] != '"')
			return NULL;
		for (s += 2; s < end && *s != '"'; s++) {
			if ((unsigned char)*s < 0x20)
				return NULL;
			if (*s == '\\' &&
			    (++s == end || (*s != '\\' && *s != '"' && *s != 'n')))
				return NULL;
		}
		if (end - s < 2) /* the quote and what follows it */
			return NULL;
		s++;
		if (*s == '}')
			return s + 1;
		if (*s++ != ',')
			return NULL;
	}
}

static bool is_value(const char *s, const char *end)
{
	char text[48], *rest;

	if (end - s < 1 || (size_t)(end - s) >= sizeof(text) || *s == ' ' || *s == '\t')
		return false;
	(void)vrs_strcpy(text, (size_t)(end - s) + 1, s);
	(void)strtod(text, &rest);
	return *rest == '\0' && !strpbrk(text, "xXpP");
}

static bool take_series(struct family *f, const char *owner, const char *s,
			const char *end)
{
	const char *line = s;
	size_t len = name_length(s, end), owner_len = strlen(owner);

	if (!f || !belongs(f, s, len) || s + len >= end || s[len] != '{')
		return false;
	s += len + 1;
	if ((size_t)(end - s) <= owner_len || strncmp(s, owner, owner_len) != 0)
		return false;
	if (s[owner_len] != ',' && s[owner_len] != '}')
		return false;
	s = skip_labels(s, end);
	if (!s || s == end || *s != ' ' || !is_value(s + 1, end))
		return false;
	vrs_text_add_bytes(&f->lines, line, (size_t)(end - line));
	vrs_text_add(&f->lines, "\n");
	return true;
}

/* State of reading a page. */
struct reader {
	struct vrs_page *page;
	struct family *family; /* family whose series may follow; NULL: none */
	char name[MAX_NAME], help[MAX_HELP]; /* of the previous HELP line */
};

/* "# HELP name text", then "# TYPE name type", then series. */
static bool take_head(struct reader *r, const char *s, const char *end)
{
	bool is_help = strncmp(s, "# HELP ", 7) == 0;
	size_t len = name_length(s + 7, end);
	const char *rest = s + 7 + len + 1;

	if ((!is_help && strncmp(s, "# TYPE ", 7) != 0) || len == 0 ||
	    len >= MAX_NAME - 8 || rest > end || rest[-1] != ' ')
		return false;
	r->family = NULL;
	if (is_help) {
		size_t help_len = (size_t)(end - rest);

		(void)vrs_strcpy(r->name, len + 1, s + 7);
		(void)vrs_strcpy(r->help, help_len < MAX_HELP ? help_len + 1 : MAX_HELP,
				 rest);
		return true;
	}
	if (strlen(r->name) != len || strncmp(r->name, s + 7, len) != 0)
		return false;
	for (int type = VRS_COUNTER; type <= VRS_HISTOGRAM; type++)
		if ((size_t)(end - rest) == strlen(type_names[type]) &&
		    strncmp(rest, type_names[type], (size_t)(end - rest)) == 0 &&
		    r->page->n < MAX_FAMILIES && !find(r->page, r->name, len))
			r->family = add_family(r->page, (enum vrs_metric_type)type,
					       r->name, r->help);
	return r->family != NULL;
}

static int take_lines(struct vrs_page *page, const char *text, struct vrs_err *err)
{
	struct reader r = {.page = page};
	unsigned line = 0;

	for (const char *s = text, *end; *s; s = end + 1) {
		line++;
		end = strchr(s, '\n');
		if (!end || end - s > MAX_LINE)
			return vrs_fail(err, VRS_EPARSE,
					"metrics: line %u is too long or incomplete",
					line);
		if (end - s > 9 && *s == '#'
			    ? !take_head(&r, s, end)
			    : !take_series(r.family, page->owner, s, end))
			return vrs_fail(err, VRS_EPARSE,
					"metrics: line %u is not a series of %s", line,
					page->owner);
	}
	return 0;
}

int vrs_page_take(struct vrs_page *page, const char *service, const char *instance,
		  const char *text, size_t len, struct vrs_err *err)
{
	if (len > VRS_PAGE_MAX_BYTES || memchr(text, '\0', len))
		return vrs_fail(err, VRS_EPARSE, "metrics: invalid page of %zu bytes",
				len);

	struct vrs_page *scratch = vrs_page_new(service, instance);
	char *copy = vrs_calloc(len + 1, 1);
	memcpy(copy, text, len);
	int status = take_lines(scratch, copy, err);
	for (size_t i = 0; i < scratch->n && status == 0; i++) {
		const struct family *from = scratch->family[i];
		struct family *to = find(page, from->name, strlen(from->name));

		if ((to && to->type != from->type) || (!to && page->n >= MAX_FAMILIES))
			status = vrs_fail(err, VRS_EPARSE, "metrics: %s does not fit in",
					  from->name);
	}
	for (size_t i = 0; i < scratch->n && status == 0; i++) {
		const struct family *from = scratch->family[i];
		struct family *to = find(page, from->name, strlen(from->name));

		if (!to)
			to = add_family(page, from->type, from->name, from->help);
		vrs_text_add_bytes(&to->lines, from->lines.text ? from->lines.text : "",
				   from->lines.len);
	}
	free(copy);
	vrs_page_free(scratch);
	return status;
}

void vrs_page_write(const struct vrs_page *page, struct vrs_text *out)
{
	for (size_t i = 0; i < page->n; i++) {
		const struct family *f = page->family[i];

		if (f->lines.len == 0)
			continue;
		vrs_text_add(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help,
			     f->name, type_names[f->type]);
		vrs_text_add_bytes(out, f->lines.text, f->lines.len);
	}
}
