// Runs before the page is shown, so that it does not flash in the wrong scheme.
const dark = matchMedia('(prefers-color-scheme: dark)')
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
follow()
dark.addEventListener('change', follow)

addEventListener('DOMContentLoaded', () => {
  const at = document.getElementById('swagger-ui')
  SwaggerUIBundle({
    domNode: at,
    url: at.dataset.document,
    deepLinking: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    validatorUrl: null, // it would send the document to somebody else's server
  })
})
