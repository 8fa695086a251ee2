/* serve.h - the service: forecast jobs from the scheduler, training beside them.
 *
 * Replicas dial in and share the jobs; a job is answered on the loop from Redis and the
 * model in memory, in milliseconds. One replica at a time trains, in a thread of low
 * priority; the others pick the new model up from Redis. */
#ifndef PREDICTOR_SERVICE_SERVE_H
#define PREDICTOR_SERVICE_SERVE_H

/* Runs until asked to stop; the exit code. */
int serve(int argc, char **argv);

#endif
