/* print.h - what the commands print beside their tables: JSON numbers and a progress bar.
 */
#ifndef PREDICTOR_CLI_PRINT_H
#define PREDICTOR_CLI_PRINT_H

/* `"name":value,` on standard output, null where it is not a number. */
void print_json_number(const char *name, double value);

/* A bar on stderr while work runs, on a terminal only. */
void print_progress(const char *what, double share, const char *note);

#endif
