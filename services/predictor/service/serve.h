/* serve.h - the service: forecast jobs from the scheduler, and training.
 *
 * Replicas connect to the scheduler and share the jobs; a job is answered in the event
 * loop from Redis and the model in memory, within milliseconds. One replica at a time
 * trains, in a thread of low priority; the others load the new model from Redis. */
#ifndef PREDICTOR_SERVICE_SERVE_H
#define PREDICTOR_SERVICE_SERVE_H

/* Runs until it is stopped; returns the exit code. */
int serve(int argc, char **argv);

#endif
