package cmd

// noFollow has no counterpart here; creating links needs a privilege.
const noFollow = 0
