package Selkies::Picture;

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Decodes what the stream carries, with ffmpeg, and reads pixels as a browser
# shows a picture that is tagged BT.709 limited.

use strict;
use warnings;

use IO::Handle;
use IO::Select;
use POSIX ();

use Selkies ();
use Selkies::WebSocket ();

# Decodes access units of one size; crop => 'w:h:x:y' keeps only that box.

sub decode {
	my ($class, $frames, %o) = @_;

	return () unless @$frames;

	my ($w, $h) = @{ $frames->[0] }{qw/ w h /};

	($w, $h) = split /:/, $o{crop} if $o{crop};

	pipe my $in, my $stream or die "pipe: $!\n";
	pipe my $yuv, my $out or die "pipe: $!\n";

	my $feeder = fork();

	die "fork: $!\n" unless defined $feeder;

	if ($feeder == 0) {
		CORE::close $_ for $in, $yuv, $out;
		print $stream $_->{data} for @$frames;
		CORE::close $stream;
		POSIX::_exit(0);
	}

	CORE::close $stream;

	my $decoder = fork();

	die "fork: $!\n" unless defined $decoder;

	if ($decoder == 0) {
		CORE::close $yuv;
		open STDIN, '<&', $in;
		open STDOUT, '>&', $out;
		open STDERR, '>', '/dev/null';
		exec('ffmpeg', '-nostdin', '-loglevel', 'quiet', '-threads', 1,
			'-f', 'h264', '-i', 'pipe:0', '-vsync', 'passthrough',
			($o{crop} ? ('-vf', "crop=$o{crop}:exact=1") : ()),
			'-f', 'rawvideo', '-pix_fmt', 'yuv420p', 'pipe:1')
			or POSIX::_exit(127);
	}

	CORE::close $in;
	CORE::close $out;
	binmode $yuv;

	my $luma = $w * $h;
	my $chroma = (($w + 1) >> 1) * (($h + 1) >> 1);
	my $size = $luma + 2 * $chroma;
	my $data = '';
	my @pictures;

	while (read_some($yuv, $data, $size)) {
		next if length $data < $size;

		@pictures = () if $o{last};
		push @pictures, bless { w => $w, h => $h, luma => $luma,
			chroma => $chroma, data => $data }, $class;
		$data = '';
	}

	CORE::close $yuv;
	waitpid $_, 0 for $feeder, $decoder;

	return @pictures;
}

# Adds to the second argument what a decoder has written, up to a size; false
# at its end.  Websockets are read meanwhile: where the machine is busy, some
# pictures take longer than a server waits for the answer to a ping.

sub read_some {
	my ($pipe, undef, $size) = @_;

	my $select = IO::Select->new($pipe);

	until ($select->can_read(0)) {
		Selkies::WebSocket::pump_all(1, $pipe);
	}

	return sysread $pipe, $_[1], $size - length $_[1], length $_[1];
}

sub last_of {
	my ($class, @frames) = @_;

	my ($picture) = $class->decode(\@frames, last => 1);

	return $picture;
}

sub width { $_[0]->{w} }
sub height { $_[0]->{h} }

sub luma {
	my ($self, $x, $y) = @_;

	return ord substr $self->{data}, $y * $self->{w} + $x, 1;
}

sub rgb {
	my ($self, $x, $y) = @_;

	my $at = $self->{luma} + ($y >> 1) * (($self->{w} + 1) >> 1) + ($x >> 1);
	my $u = ord(substr $self->{data}, $at, 1) - 128;
	my $v = ord(substr $self->{data}, $at + $self->{chroma}, 1) - 128;
	my $l = 255 / 219 * ($self->luma($x, $y) - 16);

	$u *= 255 / 224;
	$v *= 255 / 224;

	return map { $_ < 0 ? 0 : $_ > 255 ? 255 : int $_ + 0.5 }
		$l + 1.5748 * $v, $l - 0.187324 * $u - 0.468124 * $v,
		$l + 1.8556 * $u;
}

# The largest difference of a channel; the colour as [r, g, b] or 'rrggbb'.

sub distance {
	my ($self, $x, $y, $colour) = @_;

	my @want = ref $colour ? @$colour : map { hex } $colour =~ /../g;
	my @have = $self->rgb($x, $y);
	my $most = 0;

	for (0 .. 2) {
		my $d = abs $want[$_] - $have[$_];
		$most = $d if $d > $most;
	}

	return $most;
}

# How far the worst of the eight patches of a test card is from its colour.

sub card_distance {
	my ($self) = @_;

	require Selkies::X;

	my @patches = Selkies::X->patches();
	my $most = 0;

	for my $i (0 .. 7) {
		my $x = int $self->{w} * ($i % 4 + 0.5) / 4;
		my $y = int $self->{h} * (int($i / 4) + 0.5) / 2;
		my $d = $self->distance($x, $y, $patches[$i]);

		$most = $d if $d > $most;
	}

	return $most;
}

# The number that xclient painted as 16 blocks of 16 pixels at 0,0.

sub bar {
	my ($self) = @_;

	my $n = 0;

	$n = $n << 1 | ($self->luma($_ * 16 + 8, 8) > 128) for 0 .. 15;

	return $n;
}

###############################################################################
# the bitstream

# NAL units of an access unit, escapes removed.

sub nals {
	my ($class, $data) = @_;

	my @nals = split /\x00\x00\x00?\x01/, $data;

	shift @nals;
	s/\x00\x00\x03/\x00\x00/g for @nals;

	return @nals;
}

# The fields of a sequence parameter set that matter here (H.264, 7.3.2.1.1).

sub sps {
	my ($class, $nal) = @_;

	my $bits = unpack 'B*', substr $nal, 1;
	my $at = 0;

	my $u = sub {
		my $v = oct '0b' . substr $bits, $at, $_[0];
		$at += $_[0];
		return $v;
	};

	my $ue = sub {
		my $zeros = 0;
		$zeros++ while substr($bits, $at + $zeros, 1) eq '0';
		$at += $zeros;
		return $u->($zeros + 1) - 1;
	};

	my %sps = (profile => $u->(8), constraints => $u->(8), level => $u->(8));

	$ue->();

	die "profile $sps{profile} is not baseline\n" if $sps{profile} != 66;

	$ue->();
	$sps{poc_type} = $ue->();

	if ($sps{poc_type} == 0) {
		$ue->();
	}

	$sps{references} = $ue->();
	$u->(1);

	my $w = $ue->() + 1;
	my $h = $ue->() + 1;

	$u->(1) or $u->(1);
	$u->(1);

	my @crop = $u->(1) ? map { $ue->() } 1 .. 4 : (0) x 4;

	$sps{width} = $w * 16 - 2 * ($crop[0] + $crop[1]);
	$sps{height} = $h * 16 - 2 * ($crop[2] + $crop[3]);

	return \%sps unless $u->(1);

	if ($u->(1) && $u->(8) == 255) {
		$u->(32);
	}

	$u->(1) and $u->(1);

	if ($u->(1)) {
		$u->(3);
		$sps{full_range} = $u->(1);
		$sps{colour} = join '/', map { $u->(8) } 1 .. 3 if $u->(1);
	}

	return \%sps;
}

1;
