/* Service discovery: Prometheus gets the hosts of the inventory to scrape. */
#include <string.h>

#include "api/routes.h"
#include "facts/inventory.h"

void api_sd_hosts(struct gateway *g, struct vrs_httpd_request *q)
{
	struct inventory inv = {0};
	struct vrs_err err = {0};

	if (inventory_read(&inv, g, &err) < 0) {
		api_store_failure(q, &err);
		inventory_fini(&inv);
		return;
	}
	json_t *list = json_array();
	for (size_t i = 0; i < inv.n_hosts; i++) {
		const struct inventory_host *h = &inv.host[i];
		bool v6 = strchr(h->address, ':') != NULL;

		if (!h->address[0])
			continue;
		(void)json_array_append_new(
			list,
			json_pack("{s:[o],s:{s:s,s:s}}", "targets",
				  json_sprintf(v6 ? "[%s]:%d" : "%s:%d", h->address,
					       (int)g->conf.sd_port),
				  "labels", "cluster", h->cluster, "host", h->name));
	}
	inventory_fini(&inv);
	api_json_take(q, 200, list);
}
