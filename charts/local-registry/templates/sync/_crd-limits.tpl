{{/*
The limits of an account that may change Shipwright's CRDs, from `root`, the `account`, and `annotations` or none.
*/}}
{{- define "local-registry.crd-limits" -}}
# Whoever may `patch` a CRD could take over its objects, since it names the webhook that converts them. So the API server
# lets this account add and remove one boolean field, beside the images of Shipwright's two CRDs, and nothing else. It
# compares the schemas of both CRDs level by level, from the whole object (`roots`) to what has an image (`images`).
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {{ .account }}-crds
  labels:
    {{- include "local-registry.labels" (dict "root" .root "name" .account) | nindent 4 }}
  {{- with .annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - apiGroups: [apiextensions.k8s.io]
        apiVersions: ["*"]
        resources: ["*/*"]
        operations: ["*"]
  matchConditions:
    - name: the-sync-job
      expression: request.userInfo.username == 'system:serviceaccount:{{ .root.Release.Namespace }}:{{ .account }}'
  variables:
    - name: isUpdate
      expression: >-
        request.operation == 'UPDATE' && request.requestResource.version == 'v1'
        && request.requestResource.resource == 'customresourcedefinitions'
        && object.metadata.name in ['builds.shipwright.io', 'buildruns.shipwright.io']
        && (!has(request.subResource) || request.subResource == '')
    # Whether both have the same versions, in the same order.
    - name: areAlike
      expression: >-
        variables.isUpdate
        && object.spec.versions.map(version, version.name) == oldObject.spec.versions.map(version, version.name)
    - name: versions
      expression: >-
        variables.areAlike ? object.spec.versions.map(version, {'new': version,
        'old': oldObject.spec.versions.filter(old, old.name == version.name)[0]}) : []
    # Each level has those schemas that both have, with their fields. A field that only one of them has is found by the
    # comparison of the level above it.
    - name: roots
      expression: >-
        variables.versions.filter(v, has(v.new.schema) && has(v.new.schema.openAPIV3Schema)
        && has(v.old.schema) && has(v.old.schema.openAPIV3Schema))
        .map(v, {'new': v.new.schema.openAPIV3Schema, 'old': v.old.schema.openAPIV3Schema})
        .filter(s, has(s.new.properties) && has(s.old.properties))
    - name: specs
      expression: >-
        variables.roots.filter(s, 'spec' in s.new.properties && 'spec' in s.old.properties)
        .map(s, {'new': s.new.properties['spec'], 'old': s.old.properties['spec']})
        .filter(s, has(s.new.properties) && has(s.old.properties))
    # A BuildRun of v1beta1 has a Build's spec in spec.build.spec, and one of v1alpha1 in spec.buildSpec.
    - name: builds
      expression: >-
        variables.specs.filter(s, 'build' in s.new.properties && 'build' in s.old.properties)
        .map(s, {'new': s.new.properties['build'], 'old': s.old.properties['build']})
        .filter(s, has(s.new.properties) && has(s.old.properties))
    - name: embedded
      expression: >-
        (variables.specs.filter(s, 'buildSpec' in s.new.properties && 'buildSpec' in s.old.properties)
        .map(s, {'new': s.new.properties['buildSpec'], 'old': s.old.properties['buildSpec']})
        + variables.builds.filter(s, 'spec' in s.new.properties && 'spec' in s.old.properties)
        .map(s, {'new': s.new.properties['spec'], 'old': s.old.properties['spec']}))
        .filter(s, has(s.new.properties) && has(s.old.properties))
    - name: sources
      expression: >-
        (variables.specs + variables.embedded)
        .filter(s, 'source' in s.new.properties && 'source' in s.old.properties)
        .map(s, {'new': s.new.properties['source'], 'old': s.old.properties['source']})
        .filter(s, has(s.new.properties) && has(s.old.properties))
    - name: images
      expression: >-
        (['output', 'builder'].map(name, (variables.specs + variables.embedded)
        .filter(s, name in s.new.properties && name in s.old.properties)
        .map(s, {'new': s.new.properties[name], 'old': s.old.properties[name]}))
        + ['bundleContainer', 'ociArtifact'].map(name, variables.sources
        .filter(s, name in s.new.properties && name in s.old.properties)
        .map(s, {'new': s.new.properties[name], 'old': s.old.properties[name]})))
        .map(found, found.filter(s, has(s.new.properties) && has(s.old.properties)))
    - name: field
      expression: >-
        {'type': 'boolean',
        'description': "The image names no registry: the cluster's own is put in front of it at admission."}
    # Which fields of each level are compared on the next one.
    - name: levels
      expression: >-
        [{'schemas': dyn(variables.roots), 'next': dyn(['spec'])},
        {'schemas': dyn(variables.specs), 'next': dyn(['build', 'buildSpec', 'source', 'output', 'builder'])},
        {'schemas': dyn(variables.builds), 'next': dyn(['spec'])},
        {'schemas': dyn(variables.embedded), 'next': dyn(['source', 'output', 'builder'])},
        {'schemas': dyn(variables.sources), 'next': dyn(['bundleContainer', 'ociArtifact'])}]
        + variables.images.map(found, {'schemas': dyn(found), 'next': dyn([])})
    # Who owns which fields, before and after: each entry of metadata.managedFields, and what of it is under `spec`.
    - name: owners
      expression: >-
        (variables.isUpdate ? [oldObject, object] : [])
        .map(o, (has(o.metadata.managedFields) ? o.metadata.managedFields : []).map(entry, {
        'who': dyn(['manager', 'operation', 'apiVersion', 'subresource'].map(key, key in entry ? entry[key] : '')),
        'time': dyn('time' in entry ? entry.time : ''),
        'fields': dyn('fieldsV1' in entry ? entry.fieldsV1 : {}),
        'spec': dyn('fieldsV1' in entry && 'f:spec' in entry.fieldsV1 ? entry.fieldsV1['f:spec'] : {})}))
    # With more than ten owners that update, the API server itself merges the oldest of them into one.
    - name: areMerged
      expression: "variables.isUpdate && variables.owners[0].filter(o, o.who[1] == 'Update').size() >= 10"
  validations:
    - expression: variables.isUpdate
      message: {{ .account }} may only update Shipwright's CRDs, as apiextensions.k8s.io/v1
    - expression: >-
        !variables.isUpdate
        || object.all(key, key in ['metadata', 'spec'] || (key in oldObject && object[key] == oldObject[key]))
        && oldObject.all(key, key in object)
      message: {{ .account }} may change nothing of a CRD but its spec
    - expression: >-
        !variables.isUpdate
        || object.metadata.all(key, key in ['managedFields', 'generation', 'resourceVersion']
        || (key in oldObject.metadata && object.metadata[key] == oldObject.metadata[key]))
        && oldObject.metadata.all(key, key in ['managedFields', 'generation', 'resourceVersion'] || key in object.metadata)
      message: {{ .account }} may not change the metadata of a CRD
    - expression: >-
        !variables.isUpdate
        || object.spec.all(key, key == 'versions' || (key in oldObject.spec && object.spec[key] == oldObject.spec[key]))
        && oldObject.spec.all(key, key == 'versions' || key in object.spec)
      message: {{ .account }} may change nothing in the spec of a CRD but its versions
    - expression: >-
        !variables.isUpdate || variables.areAlike && variables.versions.all(v,
        v.new.all(key, key == 'schema' || (key in v.old && v.new[key] == v.old[key]))
        && v.old.all(key, key in v.new)
        && (!('schema' in v.new) || v.new.schema.all(key, key == 'openAPIV3Schema'
        || (key in v.old.schema && v.new.schema[key] == v.old.schema[key]))
        && v.old.schema.all(key, key in v.new.schema)))
      message: {{ .account }} may change nothing in the versions of a CRD but their schemas
    - expression: >-
        variables.versions.all(v, !('schema' in v.new) || v.new.schema == v.old.schema
        || has(v.new.schema.openAPIV3Schema.properties) && has(v.old.schema.openAPIV3Schema.properties))
      message: {{ .account }} may not add or remove the schema of a CRD
    # Of each schema, compare everything but its fields, whatever its name; and then its fields, but for those that are
    # compared on the next level. At the last one, the field may come and go.
    - expression: >-
        variables.levels.all(level, level.schemas.all(s,
        s.new.all(key, key == 'properties' || (key in s.old && s.new[key] == s.old[key]))
        && s.old.all(key, key in s.new)
        && s.new.properties.all(name, name in s.old.properties
        ? s.new.properties[name] == s.old.properties[name] || name in level.next
        && has(s.new.properties[name].properties) && has(s.old.properties[name].properties)
        : name == 'local' && level.next == [] && s.new.properties[name] == variables.field)
        && s.old.properties.all(name, name in s.new.properties
        || name == 'local' && level.next == [] && s.old.properties[name] == variables.field)))
      message: {{ .account }} may change no schema of a CRD, but add and remove its own field local
    # Whoever owns a field removes it by leaving it out of its next apply, so nobody may be made the owner of anything. Our own
    # entry may gain f:versions, and the API server takes that from all others, with the entry if nothing else was in it.
    # A map without fields means that its owner has the whole of it.
    - expression: >-
        !variables.isUpdate || variables.owners[1].all(n, n.who[0] == 'local-registry-sync'
        ? n.fields.all(key, key == 'f:spec'
        || variables.owners[0].exists(o, o.who == n.who && key in o.fields && o.fields[key] == n.fields[key]))
        && n.spec.all(key, key == 'f:versions'
        || variables.owners[0].exists(o, o.who == n.who && key in o.spec && o.spec[key] == n.spec[key]))
        : variables.areMerged && n.who[0] == 'ancient-changes' && n.who[1] == 'Update'
        || variables.owners[0].exists(o, o.who == n.who && o.time == n.time
        && n.fields.all(key, key in o.fields && (key == 'f:spec' || n.fields[key] == o.fields[key]))
        && o.fields.all(key, key in n.fields || key == 'f:spec' && o.spec.all(name, name in ['.', 'f:versions']))
        && n.spec.all(key, key in o.spec && n.spec[key] == o.spec[key])
        && o.spec.all(key, key in n.spec || key in ['.', 'f:versions'])
        && (size(n.spec) > 0 || size(o.spec) == 0 || '.' in o.spec || !('f:spec' in n.fields))))
      message: {{ .account }} may not change who owns which fields of a CRD
    - expression: >-
        !variables.isUpdate || variables.owners[0].all(o, o.who[0] == 'local-registry-sync'
        || variables.owners[1].exists(n, n.who == o.who)
        || o.fields.all(key, key == 'f:spec') && o.spec.all(key, key in ['.', 'f:versions'])
        || variables.areMerged && o.who[1] == 'Update')
      message: {{ .account }} may not remove from a CRD who owns which fields
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .account }}-crds
  labels:
    {{- include "local-registry.labels" (dict "root" .root "name" .account) | nindent 4 }}
  {{- with .annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  policyName: {{ .account }}-crds
  validationActions: [Deny]
{{- end }}
