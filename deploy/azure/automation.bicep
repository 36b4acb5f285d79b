// Beside the Sentinel workspace: the rules that start the playbook for every new incident and for every alert that joins one.

param workspaceName string
param playbookId string
param playbookPrincipalId string

// Microsoft Sentinel Reader: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/security
var sentinelReader = '8d289c81-5878-46d4-8554-54e1e3d8b5cb'

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: workspaceName
}

resource playbookOnWorkspace 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(workspace.id, playbookId, sentinelReader)
  scope: workspace
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', sentinelReader)
    principalId: playbookPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource created 'Microsoft.SecurityInsights/automationRules@2024-09-01' = {
  name: guid(workspace.id, playbookId, 'created')
  scope: workspace
  properties: {
    displayName: 'Stanch: new incidents'
    order: 100
    triggeringLogic: {
      isEnabled: true
      triggersOn: 'Incidents'
      triggersWhen: 'Created'
      conditions: []
    }
    actions: [
      {
        order: 1
        actionType: 'RunPlaybook'
        actionConfiguration: { logicAppResourceId: playbookId, tenantId: tenant().tenantId }
      }
    ]
  }
}

resource grown 'Microsoft.SecurityInsights/automationRules@2024-09-01' = {
  name: guid(workspace.id, playbookId, 'grown')
  scope: workspace
  properties: {
    displayName: 'Stanch: alerts added to incidents'
    order: 101
    triggeringLogic: {
      isEnabled: true
      triggersOn: 'Incidents'
      triggersWhen: 'Updated'
      conditions: [
        {
          conditionType: 'PropertyArrayChanged'
          conditionProperties: { arrayType: 'Alerts', changeType: 'Added' }
        }
      ]
    }
    actions: [
      {
        order: 1
        actionType: 'RunPlaybook'
        actionConfiguration: { logicAppResourceId: playbookId, tenantId: tenant().tenantId }
      }
    ]
  }
}
