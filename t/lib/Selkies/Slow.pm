package Selkies::Slow;

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# A websocket client that reads slowly: a part of Selkies::WebSocket.

use strict;
use warnings;

use Selkies;

# Reads no more than so many bytes a second, for some seconds; other sockets
# are read as they come.

sub read_slowly {
	my ($self, $rate, $seconds) = @_;

	my $budget = 0;
	my $last = clock();
	my $end = $last + $seconds;
	my $had = $self->{received};
	my $most = $rate / 10 > 16384 ? $rate / 10 : 16384;

	$self->{read_size} = 16384;
	$self->pause();

	while ((my $now = clock()) < $end) {
		$budget += ($now - $last) * $rate;
		$last = $now;

		if ($budget >= 16384) {
			$self->resume();
			Selkies::WebSocket::pump_all(0.001);
			$self->pause();
			$budget -= $self->{received} - $had;
			$had = $self->{received};

		} else {
			Selkies::WebSocket::pump_all(0.005);
		}

		$budget = $most if $budget > $most;
	}
}

# As fast as it comes again.

sub read_freely {
	my ($self) = @_;

	$self->{read_size} = undef;
	$self->resume();
}

1;
