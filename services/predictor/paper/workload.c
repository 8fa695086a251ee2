/* workload.c - see workload.h. */
#include "paper/workload.h"

#include <math.h>

#include "kernels/rng.h"

enum { DAY = 1440 };

/* A draw that belongs to (seed, day, place), whatever was drawn before. */
static struct rng draw(uint64_t seed, int64_t day, uint64_t place)
{
	struct rng r = {seed * 0x9E3779B97F4A7C15U ^ (uint64_t)day * 0xD1B54A32D192ED03U ^
			place * 0x8CB92BA72F3D8DD7U};

	(void)rng_next(&r);
	return r;
}

/* Rises around `from`, falls around `to`, each within `soft` minutes. */
static double bump(double minute, double from, double to, double soft)
{
	double up = 1 / (1 + exp(-(minute - from) / soft));
	double down = 1 / (1 + exp((minute - to) / soft));

	return up * down;
}

static double mail(const struct workload *w, int64_t day, double minute)
{
	struct rng own = draw(w->seed, 0, 1), today = draw(w->seed, day, 2);
	double level = rng_between(&own, 7, 11) + rng_normal(&today) * 0.4;
	double office = bump(minute, 8 * 60, 18 * 60, 30);

	return fmin(20, level + 2.5 * office);
}

static double groupware(const struct workload *w, int64_t day, int weekday, double minute)
{
	/* start of work, lunch, leaving: when, how long, how high */
	static const struct {
		double from, to, height;
	} peaks[] = {{8.5 * 60, 10 * 60, 62},
		     {11.75 * 60, 13 * 60, 45},
		     {17 * 60, 18.5 * 60, 55}};
	struct rng own = draw(w->seed, 0, 3), today = draw(w->seed, day, 4);
	double own_height = rng_between(&own, 0.92, 1.08), sum = 6;

	for (size_t i = 0; i < sizeof(peaks) / sizeof(*peaks); i++) {
		double late = rng_between(&today, -5, 5);
		double height =
			peaks[i].height * own_height * (1 + 0.07 * rng_normal(&today));

		sum += height *
		       bump(minute, peaks[i].from + late, peaks[i].to + late, 10);
	}
	sum += 14 * bump(minute, 9 * 60, 18 * 60, 15);
	return weekday >= 5 && !w->every_day ? 6 + (sum - 6) * 0.08 : sum;
}

static double interfacing(const struct workload *w, int64_t day, double minute)
{
	struct rng own = draw(w->seed, 0, 5), today = draw(w->seed, day, 6);
	double level = rng_between(&own, 38, 52) + rng_normal(&today);
	double period = floor(rng_between(&own, 15, 30)),
	       height = rng_between(&own, 5, 10);
	double phase = fmod(minute + (double)day * DAY, period);

	return level + (phase < 5 ? height : 0);
}

void workload_fill(const struct workload *w, int64_t at_ms, size_t n, float *cpu)
{
	int64_t first = at_ms / 60000;
	double drift = 0;

	for (size_t i = 0; i < n; i++) {
		int64_t minute = first + (int64_t)i - w->shift_min;
		int64_t day = minute / DAY - (minute % DAY < 0);
		double of_day = (double)(minute - day * DAY), load;
		struct rng noise = draw(w->seed, minute, 7);
		int weekday = (int)(((day + 3) % 7 + 7) % 7);

		if (w->kind == 1)
			load = mail(w, day, of_day);
		else if (w->kind == 2)
			load = groupware(w, day, weekday, of_day);
		else
			load = interfacing(w, day, of_day);
		/* mostly a slow wander: the best guess of the next minute is this one */
		double small = w->kind == 1 ? 0.3 : 1;
		drift = 0.92 * drift + 1.4 * small * rng_normal(&noise);
		load = load * w->scale + drift;
		double most = w->kind == 1 ? 20 : 100;
		cpu[i] = (float)fmin(most, fmax(0.5, load));
	}
}
