#include "gateway.h"

#include <stdlib.h>
#include <string.h>

#include "sinks/sinks.h"
#include "vrs/log.h"
#include "vrs/mem.h"

int gateway_reload(struct gateway *g, struct vrs_err *err)
{
	struct tokens *tokens = vrs_calloc(1, sizeof(*tokens));
	struct assets *assets = NULL;
	struct sinks *sinks = NULL;
	int status = tokens_load(tokens, g->conf.tokens, err);

	if (status == 0)
		status = assets_load(&assets, g->conf.www, err);
	if (status == 0)
		status = sinks_load(&sinks, g, g->conf.sinks, err);
	if (status == 0) {
		g->tokens = *tokens;
		assets_free(g->assets);
		g->assets = assets;
		sinks_free(g->sinks);
		g->sinks = sinks;
		log_notice("settings reloaded tokens=%zu", g->tokens.n);
	} else {
		assets_free(assets);
	}
	explicit_bzero(tokens, sizeof(*tokens));
	free(tokens);
	return status;
}
