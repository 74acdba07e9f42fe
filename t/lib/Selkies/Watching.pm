package Selkies::Watching;

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# What a websocket client sees: the part of Selkies::WebSocket that decodes.

use strict;
use warnings;

use Selkies::Picture;

# The newest picture of the stream.

sub picture {
	my ($self) = @_;

	return undef unless @{ $self->{gop} };

	return Selkies::Picture->last_of(@{ $self->{gop} });
}

# Waits until a test on the newest picture holds; decodes only when a frame
# has come since.

sub wait_picture {
	my ($self, $condition, $timeout) = @_;

	my $seen = -1;

	return $self->wait_until(sub {
		return undef if $self->{nframes} == $seen;

		$seen = $self->{nframes};

		my $picture = $self->picture();

		return $picture && $condition->($picture) ? $picture : undef;
	}, $timeout);
}

sub wait_pixel {
	my ($self, $x, $y, $colour, $timeout, $tolerance) = @_;

	return $self->wait_picture(sub {
		return $_[0]->distance($x, $y, $colour)
			<= (defined $tolerance ? $tolerance : 12);
	}, $timeout);
}

1;
