package main

import (
	"errors"
	"strconv"

	"github.com/spf13/pflag"
)

// flagError says what is wrong with a flag's value and what it should be, in place of the
// words of the functions of Go that have read it.
func flagError(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return usageError{err}
	}
	f := invalid.GetFlag()
	want := ""
	switch f.Value.Type() { // pflag's names
	case "int":
		want = "a whole number"
	case "uint64":
		want = "a whole number of 0 or more"
	case "intSlice":
		want = "whole numbers, as in 1,10,100"
	case "float64":
		want = "a number"
	case "bool":
		want = "true or false"
	case "duration":
		want = "a time with its unit, as in 90s or 10m"
	default:
		return usageError{err}
	}
	var number *strconv.NumError
	if errors.As(err, &number) && errors.Is(number.Err, strconv.ErrRange) {
		want += "; this one is out of range"
	}
	return usagef("--%s %q: want %s", f.Name, invalid.GetValue(), want)
}
