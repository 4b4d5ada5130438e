package cmd

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kubecred/kubecred/cache"
)

// readBackCommand prints the SHA-256 of entries that import has just sealed,
// which runs it to see that they open elsewhere than where they were made.
func (a *app) readBackCommand() *cobra.Command {
	t := &target{}
	c := &cobra.Command{Use: "read-back ID…", Hidden: true, Args: cobra.MinimumNArgs(1)}
	t.flags = addSome(c.Flags(), "token-cache-storage", "token-cache-dir", "kernel-keyring")
	c.RunE = func(c *cobra.Command, ids []string) error { return a.readBack(c.Context(), t, ids) }
	return c
}

func (a *app) readBack(ctx context.Context, t *target, ids []string) error {
	s, err := a.looseSettings(t)
	if err != nil {
		return err
	}
	store, err := a.openStore(s, a.newPerson(false, ""))
	if err != nil {
		return err
	}
	for _, text := range ids {
		id, err := cache.ParseID(text)
		if err != nil {
			return err
		}
		record, err := store.Load(ctx, id)
		if err != nil {
			return err
		}
		fmt.Fprintln(a.stdout, hex.EncodeToString(sum(record.Payload)))
	}
	return nil
}
