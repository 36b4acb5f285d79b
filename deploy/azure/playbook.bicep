// The playbook that Sentinel's automation rules start: it puts the incident on the queue, with its own identity.

param name string
param location string
param storageName string
param queueName string

// Storage Queue Data Message Sender: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage
var messageSender = 'c6a89b2d-59bc-44d0-9896-0b6e12d7b80a'

resource storage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: storageName
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' existing = {
  parent: storage
  name: 'default'
}

resource incidents 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' existing = {
  parent: queues
  name: queueName
}

resource connection 'Microsoft.Web/connections@2016-06-01' = {
  name: '${name}-sentinel'
  location: location
  properties: {
    displayName: '${name}-sentinel'
    api: { id: subscriptionResourceId('Microsoft.Web/locations/managedApis', location, 'azuresentinel') }
    // What a connection with a managed identity has in place of stored credentials; the published type does not know it.
    #disable-next-line BCP037
    parameterValueType: 'Alternative'
  }
}

resource playbook 'Microsoft.Logic/workflows@2019-05-01' = {
  name: '${name}-sentinel'
  location: location
  identity: { type: 'SystemAssigned' }
  properties: {
    state: 'Enabled'
    parameters: {
      '$connections': {
        value: {
          azuresentinel: {
            id: subscriptionResourceId('Microsoft.Web/locations/managedApis', location, 'azuresentinel')
            connectionId: connection.id
            connectionName: connection.name
            connectionProperties: { authentication: { type: 'ManagedServiceIdentity' } }
          }
        }
      }
    }
    definition: {
      '$schema': 'https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#'
      contentVersion: '1.0.0.0'
      parameters: { '$connections': { type: 'Object', defaultValue: {} } }
      triggers: {
        Microsoft_Sentinel_incident: {
          type: 'ApiConnectionWebhook'
          inputs: {
            host: { connection: { name: '@parameters(\'$connections\')[\'azuresentinel\'][\'connectionId\']' } }
            path: '/incident-creation'
            body: { callback_url: '@{listCallbackUrl()}' }
          }
        }
      }
      actions: {
        // A message holds 64 KiB (https://learn.microsoft.com/rest/api/storageservices/put-message). Of a larger incident the id is sent: the Function app reads it again anyway.
        Message: {
          type: 'Compose'
          inputs: '@if(lessOrEquals(length(base64(string(triggerBody()))), 65536), base64(string(triggerBody())), base64(concat(\'{"incidentArmId": "\', triggerBody()?[\'object\']?[\'id\'], \'"}\')))'
          runAfter: {}
        }
        Put_message: {
          type: 'Http'
          inputs: {
            method: 'POST'
            uri: '${storage.properties.primaryEndpoints.queue}${queueName}/messages'
            headers: {
              'Content-Type': 'application/xml'
              'x-ms-date': '@{utcNow(\'R\')}'
              'x-ms-version': '2021-12-02'
            }
            body: '<QueueMessage><MessageText>@{outputs(\'Message\')}</MessageText></QueueMessage>'
            authentication: { type: 'ManagedServiceIdentity', audience: 'https://storage.azure.com/' }
            retryPolicy: { type: 'exponential', interval: 'PT10S', maximumInterval: 'PT1H', count: 20 }
          }
          runAfter: { Message: ['Succeeded'] }
        }
      }
    }
  }
}

resource playbookOnQueue 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(incidents.id, playbook.id, messageSender)
  scope: incidents
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', messageSender)
    principalId: playbook.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

output id string = playbook.id
output name string = playbook.name
output principalId string = playbook.identity.principalId
