package cache

func systemChildren() map[string]func(dir string) error { return nil }
