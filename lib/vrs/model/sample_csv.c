#include "vrs/sample_csv.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_COLUMNS = 9, MAX_FIELD = 128, MIB = 1 << 20 };

static const char *const columns[N_COLUMNS] = {
	"Date",    "Time",     "Hostname",         "IP", "Max vCPUs", "Left vCPUs",
	"Max RAM", "Left RAM", "Average CPU rate",
};

enum { DATE, TIME, HOST, ADDRESS, MAX_VCPUS, LEFT_VCPUS, MAX_RAM, LEFT_RAM, CPU_RATE };

struct fields {
	char text[N_COLUMNS][MAX_FIELD];
	size_t n;
};

/* --- one line into fields --- */

static bool add_char(char *field, size_t *len, char c)
{
	if (*len + 1 >= MAX_FIELD || c == '\0')
		return false;
	field[(*len)++] = c;
	return true;
}

/* A field in quotes at *p, which is left behind the closing quote;
 * NULL or what is wrong. */
static const char *quoted(const char **p, const char *end, char *field, size_t *len)
{
	for ((*p)++; *p < end; (*p)++) {
		if (**p == '"') {
			if (*p + 1 == end || (*p)[1] != '"') {
				(*p)++;
				return NULL;
			}
			(*p)++; /* two quotes stand for one */
		}
		if (!add_char(field, len, **p))
			return "a field is too long or has a zero byte";
	}
	return "a quote is not closed";
}

static const char *plain(const char **p, const char *end, char *field, size_t *len)
{
	for (; *p < end && **p != ','; (*p)++) {
		if (**p == '"')
			return "a quote within a field";
		if (!add_char(field, len, **p))
			return "a field is too long or has a zero byte";
	}
	return NULL;
}

/* NULL, or what is wrong. */
static const char *split(struct fields *f, const char *p, const char *end)
{
	f->n = 0;
	for (;;) {
		size_t len = 0;

		if (f->n == N_COLUMNS)
			return "more than 9 fields";
		char *field = f->text[f->n];
		const char *wrong = p < end && *p == '"' ? quoted(&p, end, field, &len)
							 : plain(&p, end, field, &len);
		if (wrong)
			return wrong;
		field[len] = '\0';
		f->n++;
		if (p == end)
			break;
		if (*p != ',')
			return "something behind a closing quote";
		p++;
	}
	return f->n == N_COLUMNS ? NULL : "fewer than 9 fields";
}

/* --- fields into values --- */

static bool digits(const char **p, int n, int *ret)
{
	*ret = 0;
	for (int i = 0; i < n; i++, (*p)++) {
		if (!isdigit((unsigned char)**p))
			return false;
		*ret = *ret * 10 + (**p - '0');
	}
	return true;
}

static bool skip(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

static int64_t days_from_civil(int64_t y, int m, int d)
{
	y -= m <= 2;
	int64_t era = y / 400, yoe = y - era * 400;
	int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static bool parse_date(const char *p, int64_t *ret_days)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int y, m, d;

	if (!digits(&p, 4, &y) || !skip(&p, '-') || !digits(&p, 2, &m) ||
	    !skip(&p, '-') || !digits(&p, 2, &d) || *p != '\0' || y < 1970 || m < 1 ||
	    m > 12 || d < 1)
		return false;
	bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
	if (d > days[m - 1] + (m == 2 && leap))
		return false;
	*ret_days = days_from_civil(y, m, d);
	return true;
}

static bool parse_time(const char *p, int64_t *ret_s)
{
	int h, m, s = 0;

	if (!digits(&p, 2, &h) || !skip(&p, ':') || !digits(&p, 2, &m))
		return false;
	if (skip(&p, ':') && !digits(&p, 2, &s))
		return false;
	*ret_s = h * 3600 + m * 60 + s;
	return *p == '\0' && h < 24 && m < 60 && s < 60;
}

/* Digits, and a fraction where that is allowed: no sign, no exponent, no nan. */
static bool parse_number(const char *text, double max, bool fraction, double *ret)
{
	size_t whole = strspn(text, "0123456789");
	const char *p = text + whole;

	if (whole == 0 || whole > 15)
		return false;
	if (fraction && *p == '.') {
		size_t part = strspn(p + 1, "0123456789");

		if (part == 0)
			return false;
		p += 1 + part;
	}
	if (*p != '\0')
		return false;
	*ret = strtod(text, NULL);
	return *ret <= max;
}

static bool parse_ram(const char *text, uint64_t *ret)
{
	double mib;

	if (!parse_number(text, 1e9, true, &mib))
		return false;
	*ret = (uint64_t)llrint(mib * MIB);
	return true;
}

static bool address_ok(const char *s)
{
	for (const char *p = s; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr(".:%-_", *p))
			return false;
	return strlen(s) < sizeof(((struct vrs_table5_row *)NULL)->address);
}

/* NULL, or the column that is wrong. */
static const char *parse_row(struct vrs_table5_row *row, const struct fields *f)
{
	int64_t day, s;
	double v;

	if (!parse_date(f->text[DATE], &day))
		return columns[DATE];
	if (!parse_time(f->text[TIME], &s))
		return columns[TIME];
	row->at_ms = (day * 86400 + s) * 1000;
	if (!vrs_name_ok(f->text[HOST]))
		return columns[HOST];
	(void)vrs_strcpy(row->host, sizeof(row->host), f->text[HOST]);
	if (!address_ok(f->text[ADDRESS]))
		return columns[ADDRESS];
	(void)vrs_strcpy(row->address, sizeof(row->address), f->text[ADDRESS]);
	if (!parse_number(f->text[MAX_VCPUS], 65535, false, &v))
		return columns[MAX_VCPUS];
	row->vcpus_total = (uint32_t)v;
	if (!parse_number(f->text[LEFT_VCPUS], row->vcpus_total, false, &v))
		return columns[LEFT_VCPUS];
	row->vcpus_left = (uint32_t)v;
	row->ram_total_bytes = row->ram_left_bytes = 0;
	if (f->text[MAX_RAM][0] != '\0' || f->text[LEFT_RAM][0] != '\0') {
		if (!parse_ram(f->text[MAX_RAM], &row->ram_total_bytes))
			return columns[MAX_RAM];
		if (!parse_ram(f->text[LEFT_RAM], &row->ram_left_bytes) ||
		    row->ram_left_bytes > row->ram_total_bytes)
			return columns[LEFT_RAM];
	}
	row->cpu_ratio = NAN;
	if (f->text[CPU_RATE][0] != '\0') {
		if (!parse_number(f->text[CPU_RATE], 100, true, &v))
			return columns[CPU_RATE];
		row->cpu_ratio = (float)(v / 100);
	}
	return NULL;
}

static bool is_header(const struct fields *f)
{
	for (int i = 0; i < N_COLUMNS; i++) {
		const char *a = f->text[i], *b = columns[i];

		while (*a && tolower((unsigned char)*a) == tolower((unsigned char)*b)) {
			a++;
			b++;
		}
		if (*a != *b)
			return false;
	}
	return true;
}

int vrs_table5_line(struct vrs_table5 *t, const char *line, size_t n,
		    struct vrs_table5_row *ret, struct vrs_err *err)
{
	static const char mark[] = "\xef\xbb\xbf"; /* some programs begin UTF-8 with it */
	struct vrs_table5_row row;
	struct fields f;

	t->line++;
	if (n > 0 && line[n - 1] == '\n')
		n--;
	if (n > 0 && line[n - 1] == '\r')
		n--;
	if (t->line == 1 && n >= 3 && memcmp(line, mark, 3) == 0) {
		line += 3;
		n -= 3;
	}
	if (n == 0)
		return 0;
	const char *wrong = split(&f, line, line + n);
	if (wrong)
		return vrs_fail(err, VRS_EPARSE, "line %u: %s", t->line, wrong);
	if (!t->header_seen) {
		if (!is_header(&f))
			return vrs_fail(
				err, VRS_EPARSE,
				"line %u: the first line is not 'Date,Time,Hostname,"
				"IP,Max vCPUs,Left vCPUs,Max RAM,Left RAM,Average "
				"CPU rate'",
				t->line);
		t->header_seen = true;
		return 0;
	}
	wrong = parse_row(&row, &f);
	if (wrong)
		return vrs_fail(err, VRS_EPARSE, "line %u: %s is wrong", t->line, wrong);
	*ret = row;
	return 1;
}

/* --- writing --- */

void vrs_table5_write_header(struct vrs_text *out)
{
	for (int i = 0; i < N_COLUMNS; i++)
		vrs_text_add(out, "%s%s", i ? "," : "", columns[i]);
	vrs_text_add(out, "\n");
}

static void civil_from_days(int64_t days, int *ret_y, int *ret_m, int *ret_d)
{
	days += 719468;
	int64_t era = days / 146097, doe = days - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*ret_d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*ret_m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*ret_y = (int)(yoe + era * 400 + (*ret_m <= 2));
}

static void write_ram(struct vrs_text *out, uint64_t bytes)
{
	if (bytes % MIB == 0)
		vrs_text_add(out, ",%" PRIu64, bytes / MIB);
	else
		vrs_text_add(out, ",%.3f", (double)bytes / MIB);
}

void vrs_table5_write(struct vrs_text *out, const struct vrs_table5_row *row)
{
	int64_t s = row->at_ms / 1000;
	int y, m, d;

	civil_from_days(s / 86400, &y, &m, &d);
	s %= 86400;
	vrs_text_add(out, "%04d-%02d-%02d,%02d:%02d:%02d,%s,%s,%u,%u", y, m, d,
		     (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60), row->host,
		     row->address, row->vcpus_total, row->vcpus_left);
	if (row->ram_total_bytes == 0 && row->ram_left_bytes == 0) {
		vrs_text_add(out, ",,");
	} else {
		write_ram(out, row->ram_total_bytes);
		write_ram(out, row->ram_left_bytes);
	}
	if (isnan(row->cpu_ratio))
		vrs_text_add(out, ",\n");
	else
		vrs_text_add(out, ",%.2f\n", 100 * (double)row->cpu_ratio);
}
