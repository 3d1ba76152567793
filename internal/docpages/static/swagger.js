// This runs before the page is shown, so that the page does not flash in the wrong color scheme.
const dark = matchMedia('(prefers-color-scheme: dark)')
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
follow()
dark.addEventListener('change', follow)

// Swagger UI fills in every parameter that has an example or a default. Together they would filter a list down to nothing,
// request a version that does not exist, or repeat a key. So optional parameters stay empty until a reader fills them in,
// and their descriptions show the example instead.
const leaveOptionalOut = () => ({
  statePlugins: {spec: {wrapSelectors: {
    parameterWithMetaByIdentity: original => (_state, ...which) => {
      const parameter = original(...which)
      if (parameter.get('required')) return parameter
      const told = [
        ['Default', parameter.getIn(['schema', 'default'])],
        ['Example', parameter.get('example') ?? parameter.get('examples')?.last().get('value')],
      ].filter(([, value]) => value !== undefined).map(([what, value]) => `${what}: \`${value}\``).join('. ')
      return parameter.update('description', description => `${description}\n\n${told}`)
        .delete('example').delete('examples').deleteIn(['schema', 'example']).deleteIn(['schema', 'default'])
    },
  }}},
})

addEventListener('DOMContentLoaded', () => {
  const at = document.getElementById('swagger-ui')
  SwaggerUIBundle({
    domNode: at,
    url: at.dataset.document,
    plugins: [leaveOptionalOut],
    deepLinking: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    validatorUrl: null, // a URL would make Swagger UI send the document to another server
  })
})
