/* service.h - vrs-mover as a daemon: jobs from the scheduler, their state in Redis. */
#ifndef MOVER_JOBS_SERVICE_H
#define MOVER_JOBS_SERVICE_H

int service_main(int argc, char **argv);

#endif
