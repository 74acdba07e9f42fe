#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The client in Debian's firefox.

use warnings;
use strict;

use lib 'lib', 't/lib';

use Selkies::BrowserSuite;

Selkies::BrowserSuite->start('firefox', '/usr/bin/firefox-esr')->run();
