#include "sinks/cloudevent.h"

#include <stdio.h>

#include "vrs/clock.h"
#include "vrs/json.h"

char *cloudevent_json(const Vrsas__V1__Event *ev, const char *source)
{
	json_t *json = json_object();
	char at[40];

	(void)json_object_set_new(json, "specversion", json_string("1.0"));
	(void)json_object_set_new(json, "id", json_string(ev->id));
	(void)json_object_set_new(json, "source", json_sprintf("/vrsas/%s", source));
	(void)json_object_set_new(json, "type", json_sprintf("io.vrsas.%s.v1", ev->kind));
	if (ev->vm_name[0])
		(void)json_object_set_new(json, "subject", json_string(ev->vm_name));
	else if (ev->host[0])
		(void)json_object_set_new(json, "subject",
					  json_sprintf("%s/%s", ev->cluster, ev->host));
	(void)json_object_set_new(
		json, "time", json_string(vrs_time_format(at, sizeof(at), ev->at_ms)));
	(void)json_object_set_new(json, "datacontenttype",
				  json_string("application/json"));
	(void)json_object_set_new(json, "data", vrs_json_of_message(&ev->base));
	char *text = vrs_json_text(json, true);
	json_decref(json);
	return text;
}
