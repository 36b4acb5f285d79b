"""What an engineer writes in ten minutes: three clients at the top, find the machine's group, delete the rules that let everybody in on SSH."""

import os

import azure.functions as func
from azure.identity import DefaultAzureCredential
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.storage import StorageManagementClient

SUBSCRIPTION = os.environ["SUBSCRIPTION"]
options = {"base_url": os.environ["ARM"], "credential_scopes": ["https://management.azure.com/.default"]}

credential = DefaultAzureCredential()
compute = ComputeManagementClient(credential, SUBSCRIPTION, **options)
network = NetworkManagementClient(credential, SUBSCRIPTION, **options)
storage = StorageManagementClient(credential, SUBSCRIPTION, **options)
app = func.FunctionApp()


def answer(event):
    entity = next(each for each in event["object"]["properties"]["relatedEntities"] if each["kind"] == "Host")
    parts = entity["properties"]["azureID"].split("/")
    machine = compute.virtual_machines.get(parts[4], parts[8])
    for reference in machine.network_profile.network_interfaces:
        nic = network.network_interfaces.get(*reference.id.split("/")[4:9:4])
        group = network.network_security_groups.get(*nic.network_security_group.id.split("/")[4:9:4])
        for rule in group.security_rules:
            if rule.access == "Allow" and rule.direction == "Inbound" and rule.destination_port_range == "22":
                network.security_rules.begin_delete(group.id.split("/")[4], group.name, rule.name)
    return "done"


@app.queue_trigger(arg_name="message", queue_name="sentinel", connection="AzureWebJobsStorage")
def trigger(message: func.QueueMessage):
    answer(message.get_json())
