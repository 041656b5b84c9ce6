package main

import (
	"errors"
	"strconv"

	"github.com/spf13/pflag"
)

// wants says what a flag of a type takes, by pflag's names of types.
var wants = map[string]string{
	"int": "a whole number", "uint64": "a whole number of 0 or more", "intSlice": "whole numbers, as in 1,10,100",
	"float64": "a number", "bool": "true or false", "duration": "a time with its unit, as in 90s or 10m",
}

// flagError says what is wrong with a flag's value and what it should be, in place of the
// words of the functions of Go that have read it.
func flagError(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return usageError{err}
	}
	f := invalid.GetFlag()
	want, known := wants[f.Value.Type()]
	if !known {
		return usageError{err}
	}
	var number *strconv.NumError
	if errors.As(err, &number) && errors.Is(number.Err, strconv.ErrRange) {
		want += "; this one is too large"
	}
	return usagef("--%s %q: want %s", f.Name, invalid.GetValue(), want)
}
