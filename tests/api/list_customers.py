"""Uses the generated client as a program would: lists customers, and follows the list to its second page."""

import sys

from billfold_client import AuthenticatedClient
from billfold_client.api.customers import list_customers, retrieve_customer

url, key = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=key)
first = list_customers.sync(client=client, limit=2)
second = list_customers.sync(client=client, limit=2, starting_after=first.next_cursor)
ids = [customer.id for customer in first.data + second.data]
assert len(set(ids)) == 4, ids
one = retrieve_customer.sync(client=client, id=first.data[0].stripe_id)
assert one.id == first.data[0].id, one
print("the generated client listed", ", ".join(ids))
