package kubeconfig

// Parse reads a file's content that was kept elsewhere. path is for errors
// alone. Errors: *FileError.
func Parse(path string, data []byte) (*Document, error) { return newDocument(path, data) }

// Bytes returns the document as it is written. It holds secrets.
func (d *Document) Bytes() []byte { return append([]byte{}, d.src.text...) }
