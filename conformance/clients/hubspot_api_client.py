"""hubspot-api-client: list, search, batch, associations, properties, owners, pipelines."""

from hubspot import HubSpot
from hubspot.crm.associations.v4 import BatchInputPublicFetchAssociationsBatchRequest
from hubspot.crm.companies import BatchInputSimplePublicObjectBatchInput, PublicObjectSearchRequest
from report import check, connections, rows

line = connections()["hubspot"]
crm = HubSpot(access_token=line["token"], host=line["url"]).crm
companies = crm.companies.get_all(properties=["name"])
deals = {"properties_with_history": ["dealstage"], "associations": ["companies"]}
check("list companies", lambda: len(companies) == rows("hubspot", "companies"))
check("list deals with history", lambda: len(crm.deals.get_all(**deals)) == rows("hubspot", "deals"))
calls = {"associations": ["companies", "contacts"]}
check("list calls with links", lambda: len(crm.objects.get_all("calls", **calls)) == rows("hubspot", "calls"))
search = PublicObjectSearchRequest(
    filter_groups=[], sorts=[{"propertyName": "hs_object_id", "direction": "ASCENDING"}], limit=200
)
check("search", lambda: crm.companies.search_api.do_search(search).total == len(companies))
inputs = [{"id": c.id, "properties": {"city": "Köln"}} for c in companies[:100]]
update = BatchInputSimplePublicObjectBatchInput(inputs=inputs)
check("batch update", lambda: len(crm.companies.batch_api.update(update).results) == len(inputs))
links = BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": c.id} for c in companies[:1000]])
check("associations", lambda: len(crm.associations.v4.batch_api.get_page("companies", "contacts", links).results))
check("properties", lambda: len(crm.properties.core_api.get_all("companies").results))
check("property groups", lambda: len(crm.properties.groups_api.get_all("companies").results))
check("owners", lambda: len(crm.owners.get_all()) == rows("hubspot", "owners"))
check("pipelines", lambda: len(crm.pipelines.pipelines_api.get_all("deals").results))
check("schemas", lambda: crm.schemas.core_api.get_all() is not None)
