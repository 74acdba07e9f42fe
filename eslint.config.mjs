/* The rules that find mistakes; layout is a matter of review. */

const shared = {
    'array-callback-return': 'error',
    'consistent-return': 'error',
    'constructor-super': 'error',
    'default-case-last': 'error',
    'eqeqeq': 'error',
    'for-direction': 'error',
    'getter-return': 'error',
    'max-lines': ['error', 500],
    'no-alert': 'error',
    'no-async-promise-executor': 'error',
    'no-case-declarations': 'error',
    'no-cond-assign': 'error',
    'no-const-assign': 'error',
    'no-constant-condition': 'error',
    'no-console': 'error',
    'no-dupe-class-members': 'error',
    'no-dupe-else-if': 'error',
    'no-dupe-keys': 'error',
    'no-duplicate-case': 'error',
    'no-duplicate-imports': 'error',
    'no-empty': 'error',
    'no-eval': 'error',
    'no-fallthrough': 'error',
    'no-global-assign': 'error',
    'no-implied-eval': 'error',
    'no-inner-declarations': 'error',
    'no-loss-of-precision': 'error',
    'no-new-func': 'error',
    'no-promise-executor-return': 'error',
    'no-prototype-builtins': 'error',
    'no-redeclare': 'error',
    'no-self-assign': 'error',
    'no-self-compare': 'error',
    'no-shadow-restricted-names': 'error',
    'no-sparse-arrays': 'error',
    'no-undef': 'error',
    'no-unreachable': 'error',
    'no-unsafe-finally': 'error',
    'no-unsafe-negation': 'error',
    'no-unused-expressions': 'error',
    'no-unused-vars': 'error',
    'no-use-before-define': ['error', { functions: false, variables: false }],
    'no-useless-catch': 'error',
    'no-var': 'error',
    'prefer-const': 'error',
    'require-atomic-updates': 'off',
    'use-isnan': 'error',
    'valid-typeof': 'error'
};

/** @param {string} names */
const globals = names => Object.fromEntries(
    names.split(/\s+/).map(name => [name, 'readonly']));

export default [
    {
        files: ['web/**/*.js'],
        languageOptions: {
            ecmaVersion: 2024, sourceType: 'module',
            globals: globals('AbortController AbortSignal Audio AudioContext AudioDecoder AudioEncoder AudioData '
                + 'AudioWorkletNode Blob CSS ClipboardItem File TextDecoder TextEncoder btoa '
                + 'DOMException DataView EncodedAudioChunk EncodedVideoChunk GainNode Image '
                + 'MessageChannel Option removeEventListener '
                + 'OffscreenCanvas VideoFrame createImageBitmap '
                + 'MediaStream ResizeObserver URL URLSearchParams VideoDecoder WebSocket '
                + 'Worker XMLHttpRequest addEventListener atob cancelAnimationFrame clearInterval '
                + 'clearTimeout devicePixelRatio innerHeight '
                + 'document fetch getComputedStyle isSecureContext location matchMedia '
                + 'localStorage navigator performance requestAnimationFrame sessionStorage setInterval '
                + 'setTimeout window')
        },
        rules: {
            ...shared,
            'no-restricted-properties': ['error',
                { property: 'innerHTML', message: 'the content security policy refuses it' },
                { property: 'outerHTML', message: 'the content security policy refuses it' }]
        }
    },
    {
        files: ['t/browser/**/*.mjs', 'web/tools/*.mjs'],
        languageOptions: {
            ecmaVersion: 2024, sourceType: 'module',
            globals: globals('AbortSignal Buffer Event EventTarget MutationObserver URL URLSearchParams WebSocket clearInterval '
                + 'clearTimeout console document fetch location navigator performance '
                + 'process setImmediate setInterval setTimeout window')
        },
        rules: { ...shared, 'no-console': 'off' }
    }
];
