// Queue, journal and deployment package. There are no keys and no anonymous access.

param name string
param location string
param sku string
param hostId string
param hostPrincipalId string

// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage
var roles = {
  storageBlobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  storageQueueDataContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  storageTableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
}

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: name
  location: location
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: 'Enabled'
    supportsHttpsTrafficOnly: true
  }
}

resource keepJournal 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'keep-journal'
  scope: account
  properties: {
    level: 'CanNotDelete'
    notes: 'Holds the record of every action and what undo needs.'
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' = {
  parent: account
  name: 'default'
}

resource packages 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = {
  parent: blobs
  name: 'packages'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' = {
  parent: account
  name: 'default'
}

// The Functions host makes stanch-sentinel-poison when the first message is given up.
resource incidents 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' = {
  parent: queues
  name: 'stanch-sentinel'
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices@2024-01-01' = {
  parent: account
  name: 'default'
}

resource journal 'Microsoft.Storage/storageAccounts/tableServices/tables@2024-01-01' = {
  parent: tables
  name: 'journal'
}

// What an identity-based AzureWebJobsStorage needs, and the journal:
// https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity
resource hostOnStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in items(roles): {
  name: guid(account.id, hostId, role.value)
  scope: account
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role.value)
    principalId: hostPrincipalId
    principalType: 'ServicePrincipal'
  }
}]

output accountName string = account.name
output packagesUrl string = '${account.properties.primaryEndpoints.blob}${packages.name}'
output queueName string = incidents.name
output tableName string = journal.name
output poisonQueueUrl string = '${account.properties.primaryEndpoints.queue}${incidents.name}-poison'
