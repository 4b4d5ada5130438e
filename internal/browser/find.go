package browser

import "os/exec"

// Find returns the program that Open would start first, and starts nothing.
// command is Open's. Errors: ErrNone, and *LaunchError for one that is named
// and not there.
func Find(command string) (string, error) { return find(command, system()) }

func find(command string, l launcher) (string, error) {
	programs := [][]string{{command}}
	if command == "" {
		programs = l.programs("https://localhost")
	}
	err := ErrNone
	for _, argv := range programs {
		if argv[0] == systemsOwn {
			return argv[0], nil
		}
		path, lookErr := exec.LookPath(argv[0])
		if lookErr == nil {
			return path, nil
		}
		err = &LaunchError{Program: argv[0], Err: lookErr}
	}
	return "", err
}
