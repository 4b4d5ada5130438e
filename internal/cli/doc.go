// Package cli is what kubecred and kubecred-exchange do in the same way: fail,
// print, and refuse words that they do not know. No control character leaves it
// by an error or a hint, whatever those hold.
package cli
