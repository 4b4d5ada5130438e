package cmd

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/kubeconfig"
)

// move takes the credentials out of one file: sealed, read again, and only then
// removed. After an error nothing of it is left.
func (i *importer) move(ctx context.Context, b *batch) error {
	ctx, cancel := context.WithTimeout(ctx, importPatience)
	defer cancel()
	unlock, err := i.alone(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	sealed, err := b.backup(i.now())
	if err != nil {
		return err
	}
	// The backup first: by it the next import finds what a killed one left.
	sealed = append(sealed, b.seals()...)
	undo, err := i.seal(ctx, i.store, sealed)
	if err == nil {
		err = i.readAgain(ctx, b, sealed)
	}
	if err == nil {
		i.step("write")
		_, err = kubeconfig.Edit(ctx, b.path, b.edit)
		err = written(b, err)
	}
	if err != nil {
		undo()
		return err
	}
	i.step("written")
	return nil
}

// alone keeps other imports and undos away until unlock: to them, one that has
// sealed and not yet written looks like one that was killed.
func (i *importer) alone(ctx context.Context) (unlock func(), err error) {
	return i.store.LockNamed(ctx, "import")
}

// written looks, where Edit failed, whether it failed after the file was
// exchanged: then what was sealed is needed.
func written(b *batch, err error) error {
	if err == nil {
		return nil
	}
	if d, openErr := kubeconfig.Open(b.path); openErr == nil && bytes.Equal(d.Bytes(), b.change.After) {
		return nil
	}
	return err
}

func (b *batch) seals() (all []sealing) {
	for _, t := range b.takes {
		for _, one := range t.seals {
			if !slices.ContainsFunc(all, func(s sealing) bool { return s.id == one.id }) {
				all = append(all, one)
			}
		}
	}
	return all
}

// backup makes the records of a file's backup; the one that names the others
// comes last.
func (b *batch) backup(now time.Time) ([]sealing, error) {
	k := kept{importBackup: importBackup{File: b.file, At: now.UTC(), After: sum(b.change.After)}, id: newEntryID("backup")}
	var records []sealing
	k.Parts, records = parts(b.change.Before)
	for _, t := range b.takes {
		user := importedUser{Name: t.user.Name, Args: t.block.Args}
		for _, one := range t.seals {
			user.Sealed = append(user.Sealed, sealedRef{one.id.String(), sum(one.record.Payload)})
		}
		k.Users = append(k.Users, user)
	}
	record, err := k.record()
	return append(records, sealing{k.id, record}), err
}

// readAgain opens what was sealed in a process of its own, which knows no more
// than a client's will: what stands in the exec block. Credentials are printed by
// get-token itself; what get-token would first have to renew, and the backup, are
// compared by their hashes.
func (i *importer) readAgain(ctx context.Context, b *batch, sealed []sealing) error {
	i.step("read")
	for _, t := range b.takes {
		if !t.serves {
			continue
		}
		out, err := i.fresh(ctx, t.block.Args)
		if err != nil {
			return err
		}
		if !t.isPrinted(out) {
			return fmt.Errorf("another process reads another credential for the user %q", t.user.Name)
		}
	}
	for some := range slices.Chunk(sealed, 100) { // Windows takes 32 KB of arguments
		if err := i.readBackOf(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

func (i *importer) readBackOf(ctx context.Context, sealed []sealing) error {
	args := append([]string{"read-back"}, i.storage()...)
	var want []string
	for _, one := range sealed {
		args = append(args, one.id.String())
		want = append(want, hex.EncodeToString(sum(one.record.Payload)))
	}
	out, err := i.fresh(ctx, args)
	if err == nil && !slices.Equal(strings.Fields(string(out)), want) {
		err = errors.New("another process reads something else than what was sealed")
	}
	return err
}

// isPrinted reports whether an ExecCredential holds what was taken out.
func (t *taking) isPrinted(out []byte) bool {
	var printed struct {
		Status struct {
			Token       string `json:"token"`
			Certificate string `json:"clientCertificateData"`
			Key         string `json:"clientKeyData"`
		} `json:"status"`
	}
	c := t.entry.Credential
	return json.Unmarshal(out, &printed) == nil && printed.Status.Token == c.Token.Reveal() &&
		printed.Status.Certificate == c.Certificate && printed.Status.Key == c.Key.Reveal()
}

// fresh runs this program anew, without this run's variables and without a
// person, and returns what it prints. Nothing secret is in its arguments.
func (i *importer) fresh(ctx context.Context, args []string) ([]byte, error) {
	program, err := i.program()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, program, args...)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "KUBECRED_") && !strings.HasPrefix(variable, "KUBERNETES_EXEC_INFO=") {
			c.Env = append(c.Env, variable)
		}
	}
	var said bytes.Buffer
	c.Stderr = &said
	c.WaitDelay = time.Second
	out, err := c.Output()
	if err != nil {
		text, _, _ := strings.Cut(said.String(), "\n")
		err = fmt.Errorf("what was sealed cannot be read by another process: %s (%w)", cli.OneLine(strings.TrimPrefix(text, "error: ")), err)
		return nil, cli.Fail(err, "the kubeconfig is as it was; mend the keyring, or choose another --token-cache-storage", exitCache)
	}
	return out, nil
}
