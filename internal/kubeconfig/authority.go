package kubeconfig

// Authority returns whom the API server's certificate must come from, in PEM:
// CAData, else what CAFile holds; nil is the system's. Errors: *FileError, and
// the system's.
func (c Cluster) Authority() ([]byte, error) {
	if len(c.CAData) > 0 || c.CAFile == "" {
		return c.CAData, nil
	}
	return read(c.CAFile)
}
